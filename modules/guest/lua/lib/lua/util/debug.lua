-- SPDX-License-Identifier: Apache-2.0

-- Tracebacks.

local function get_locals_table(thread, level)
	if type(thread) == "number" or thread == nil then thread, level = nil, thread; end
	local list = {};
	for i = 1, 200 do
		local ok, name, value;
		if thread then
			ok, name, value = pcall(debug.getlocal, thread, level, i);
		else
			ok, name, value = pcall(debug.getlocal, (level or 1) + 3, i);
		end
		if not ok or not name then break; end
		list[i] = { name = name, value = value };
	end
	return list;
end

local function get_upvalues_table(f)
	local list = {};
	if type(f) ~= "function" then return list; end
	for i = 1, 255 do
		local name, value = debug.getupvalue(f, i);
		if not name then break; end
		list[i] = { name = name, value = value };
	end
	return list;
end

local function string_from_var_table(vars, max_line_len, indent_str)
	local lines = {};
	for _, var in ipairs(vars) do
		if var.name:sub(1, 1) ~= "(" then
			local value = var.value;
			if type(value) == "string" then
				value = ("%q"):format(value);
			else
				value = tostring(value);
			end
			local line = var.name .. " = " .. value;
			if max_line_len and #line > max_line_len then line = line:sub(1, max_line_len) .. "..."; end
			lines[#lines + 1] = (indent_str or "") .. line;
		end
	end
	if #lines > 0 then return "{ " .. table.concat(lines, ", ") .. " }"; end
	return nil;
end

local function get_traceback_table(thread, start_level)
	local levels = {};
	if type(thread) == "number" then thread, start_level = nil, thread; end
	for level = start_level or 1, (start_level or 1) + 60 do
		local ok, info;
		if thread then
			ok, info = pcall(debug.getinfo, thread, level, "Slnf");
		else
			ok, info = pcall(debug.getinfo, level + 1, "Slnf");
		end
		if not ok or not info then break; end
		levels[#levels + 1] = { level = level, info = info, locals = {}, upvalues = {} };
	end
	return levels;
end

local plain_traceback = debug.traceback;
local function traceback(...)
	return plain_traceback(...);
end

-- use makes this traceback the one of the debug library.
local function use()
	debug.traceback = traceback;
end

return {
	get_locals_table = get_locals_table;
	get_upvalues_table = get_upvalues_table;
	string_from_var_table = string_from_var_table;
	get_traceback_table = get_traceback_table;
	traceback = traceback;
	use = use;
};
