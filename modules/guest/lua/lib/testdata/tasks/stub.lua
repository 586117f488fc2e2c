-- SPDX-License-Identifier: Apache-2.0

-- A server of nothing: whatever a module asks of it is there, and answers with
-- more of the same. It is enough for the chunks of modules to run.
local mt, names = {}, {}
local function any(name)
	local t = setmetatable({}, mt)
	names[t] = name
	return t
end
local function name_of(t) return names[t] end

function mt.__index(t, k)
	if type(k) == "number" or k == "sources" then return nil end
	local v = any(name_of(t) .. "." .. tostring(k))
	rawset(t, k, v)
	return v
end

-- Options have the values that the module gives for them.
function mt.__call(t, self, _, default)
	local name = name_of(t)
	if name:match("%.get_option_array$") then
		return require "util.array"(default or {})
	elseif name:match("%.get_option_[a-z_]*set$") then
		return require "util.set".new(default or {})
	elseif name:match("%.get_option_number$") then
		return default or 5
	elseif name:match("%.get_option") then
		return default
	elseif name:match("%.get_host$") then
		return "example.org"
	elseif name:match("%.get_directory$") then
		return "/tmp"
	end
	return any(name .. "()")
end

local function first(a) return a end
mt.__add, mt.__sub, mt.__mul, mt.__div, mt.__unm = first, first, first, first, first
function mt.__concat(a, b) return tostring(a) .. tostring(b) end
function mt.__tostring(t) return name_of(t) end
function mt.__lt() return false end
function mt.__le() return true end

prosody = {
	paths = { source = "/usr/lib/prosody", data = "/tmp", config = "/tmp" }, events = require "util.events".new(),
	hosts = setmetatable({}, { __index = function() return any("host") end }), full_sessions = {}, bare_sessions = {},
	platform = "posix", process_type = "prosody", version = "0.12", start_time = os.time(),
	opts = {}, shutdown = function() end, core_post_stanza = function() end,
}
hosts, full_sessions, bare_sessions = prosody.hosts, prosody.full_sessions, prosody.bare_sessions
function log() end
require "util.import"

-- What the server has to provide, or is not there: any library will do.
table.insert(package.loaders, function(name)
	missing[#missing + 1] = name
	return function() return any(name) end
end)
missing = {}

return any
