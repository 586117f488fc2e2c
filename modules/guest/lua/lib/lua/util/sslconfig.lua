-- SPDX-License-Identifier: Apache-2.0

-- Options of TLS from several places, put together.

local handlers = {};
local finalisers = {};

local function as_list(value)
	if type(value) == "table" then return value; end
	return { value };
end

-- Sets of options: lists add, tables of booleans add and take away.
local function merge_set(config, field, new)
	local set = config[field];
	if type(set) ~= "table" then
		set = {};
		config[field] = set;
	end
	for key, value in pairs(as_list(new)) do
		if type(key) == "number" then
			set[value] = true;
		else
			set[key] = value;
		end
	end
end
handlers.options = merge_set;

local function finalise_set(options)
	local list = {};
	for name, enabled in pairs(options) do
		if enabled then list[#list + 1] = name; end
	end
	table.sort(list);
	return list;
end
finalisers.options = finalise_set;

function finalisers.verify(value)
	if type(value) == "table" then return finalise_set(value); end
	return value;
end

function handlers.verifyext(config, field, new) merge_set(config, field, new); end
finalisers.verifyext = finalise_set;

function finalisers.ciphers(list)
	if type(list) == "table" then return table.concat(list, ":"); end
	return list;
end
finalisers.curveslist = function (list)
	if type(list) == "string" then
		local names = {};
		for name in list:gmatch("[^:%s]+") do names[#names + 1] = name; end
		return names;
	end
	return list;
end;

-- "tlsv1_2+" is that version and all above it.
local versions = { "sslv2", "sslv3", "tlsv1", "tlsv1_1", "tlsv1_2", "tlsv1_3" };
for i, version in ipairs(versions) do versions[version] = i; end

local function expand_protocol(config)
	local least = config.protocol and config.protocol:match("^(.*)%+$");
	if not least or not versions[least] then return; end
	config.protocol = "sslv23";
	for i = 1, versions[least] - 1 do table.insert(config.options, "no_" .. versions[i]); end
end

local config_mt = { __index = {} };

function config_mt.__index:apply(new)
	if type(new) ~= "table" then return; end
	for field, value in pairs(new) do
		(handlers[field] or rawset)(self, field, value);
	end
	return self;
end

function config_mt.__index:final()
	local made = {};
	for field, value in pairs(self) do
		local finalise = finalisers[field];
		made[field] = finalise and finalise(value) or value;
	end
	made.options = made.options or {};
	expand_protocol(made);
	return made;
end

local function new() return setmetatable({ options = {} }, config_mt); end

return {
	new = new;
	apply = config_mt.__index.apply;
	final = config_mt.__index.final;
	_new = new;
};
