-- SPDX-License-Identifier: Apache-2.0

-- SASL on the side of the server: a registry of mechanisms, and objects that
-- run one exchange.

local set = require "util.set";
local id = require "util.id";

local sasl = {};
local methods = {};
methods.__index = methods;
local registered = {}; -- mechanism -> what it needs
local backends = {}; -- what a profile offers -> mechanisms
local cb_backends = {};

-- registerMechanism makes a mechanism known: which functions of a profile it
-- can work with, the function that runs it, and which channel bindings it can
-- use.
local function registerMechanism(name, wants, f, cb)
	assert(type(name) == "string", "Parameter name MUST be a string.");
	assert(type(wants) == "string" or type(wants) == "table", "Parameter backends MUST be either a string or a table.");
	assert(type(f) == "function", "Parameter f MUST be a function.");
	if cb then cb_backends[name] = set.new(cb); end
	registered[name] = f;
	if type(wants) == "string" then wants = { wants }; end
	for _, backend in ipairs(wants) do
		backends[backend] = backends[backend] or {};
		table.insert(backends[backend], name);
	end
end

-- new makes an object for a realm and a profile: functions that look into the
-- accounts, by the names of what they give (plain, plain_test, scram_sha_1 ...).
local function new(realm, profile)
	local mechanisms = profile.mechanisms;
	if not mechanisms then
		mechanisms = {};
		for backend in pairs(profile) do
			for _, name in ipairs(backends[backend] or {}) do mechanisms[name] = true; end
		end
	end
	return setmetatable({ profile = profile, realm = realm, mechs = mechanisms }, methods);
end

function methods:add_cb_handler(name, f)
	if type(self.profile.cb) ~= "table" then self.profile.cb = {}; end
	self.profile.cb[name] = f;
	return self;
end

function methods:clean_clone()
	return new(self.realm, self.profile);
end

function methods:mechanisms()
	local offered = {};
	for name in pairs(self.mechs) do
		local wants = cb_backends[name];
		if wants then
			for binding in pairs(self.profile.cb or {}) do
				if wants:contains(binding) then offered[name] = true; end
			end
		else
			offered[name] = true;
		end
	end
	return offered;
end

function methods:select(mechanism)
	if not self.selected and self:mechanisms()[mechanism] then
		self.selected = mechanism;
		self.mech_id = id.short();
		self.mech_i = registered[mechanism];
		return true;
	end
end

-- process takes a message, and returns "challenge", "success" or "failure"
-- with what belongs to it.
function methods:process(message)
	return self.mech_i(self, message);
end

sasl.registerMechanism = registerMechanism;
sasl.new = new;
sasl._registered = registered;

for _, name in ipairs { "plain", "anonymous", "external", "scram", "oauthbearer" } do
	require("util.sasl." .. name).init(registerMechanism);
end

return sasl;
