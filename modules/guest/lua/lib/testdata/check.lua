-- SPDX-License-Identifier: Apache-2.0

-- eq(got, want, what) raises an error unless both are the same, tables by what
-- is in them. fails(f, ...) wants an error.

local function same(a, b)
	if type(a) ~= "table" or type(b) ~= "table" then return a == b or a ~= a and b ~= b end
	for k, v in pairs(a) do
		if not same(v, b[k]) then return false end
	end
	for k in pairs(b) do
		if a[k] == nil then return false end
	end
	return true;
end

local function show(v)
	if type(v) == "string" then return ("%q"):format(v) end
	if type(v) ~= "table" then return tostring(v) end
	local out = {};
	for k, x in pairs(v) do out[#out + 1] = tostring(k) .. "=" .. show(x) end
	return "{" .. table.concat(out, ", ") .. "}";
end

function eq(got, want, what)
	if not same(got, want) then
		error(("%s: got %s, want %s"):format(what or "", show(got), show(want)), 2);
	end
end

function fails(f, ...)
	local ok, err = pcall(f, ...);
	if ok then error("no error", 2) end
	return tostring(err);
end

-- list is what an iterator gives.
function list(f, s, v)
	local out = {};
	while true do
		v = f(s, v);
		if v == nil then return out end
		out[#out + 1] = v;
	end
end
