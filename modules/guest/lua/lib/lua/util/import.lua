-- SPDX-License-Identifier: Apache-2.0

-- The global function import("util.jid", "split", "bare").

local unpack = table.unpack or unpack;

local function import(name, ...)
	local library = package.loaded[name] or require(name);
	if type(library) ~= "table" or select("#", ...) == 0 then return library; end
	local fields, n = { ... }, select("#", ...);
	for i = 1, n do fields[i] = library[fields[i]]; end
	return unpack(fields, 1, n);
end

rawset(_G, "import", import);
return true;
