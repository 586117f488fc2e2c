-- SPDX-License-Identifier: Apache-2.0

-- is(got, want) compares values by what is in them.

local function show(v)
	if type(v) ~= "table" then return type(v) == "string" and ("%q"):format(v) or tostring(v) end
	local out = {};
	for k, x in pairs(v) do out[#out + 1] = "[" .. show(k) .. "]=" .. show(x) end
	table.sort(out);
	return "{" .. table.concat(out, ",") .. "}";
end

function is(got, want, what)
	if show(got) ~= show(want) then
		error((what or "") .. " got " .. show(got):sub(1, 400) .. ", want " .. show(want):sub(1, 400), 2);
	end
end

-- fails(text, fn, ...) expects nil and an error that has text.
function fails(text, fn, ...)
	local ok, err = fn(...);
	if ok or type(err) ~= "string" or not err:find(text, 1, true) then
		error("got " .. show(ok) .. ", " .. show(err) .. ", want an error: " .. text, 2);
	end
end

-- raises(text, fn, ...) expects an error that is raised.
function raises(text, fn, ...)
	local ok, err = pcall(fn, ...);
	if ok or not tostring(err):find(text, 1, true) then
		error("got " .. show(ok) .. ", " .. show(err) .. ", want to be raised: " .. text, 2);
	end
end
