-- SPDX-License-Identifier: Apache-2.0

-- Roles: which actions somebody may do (Prosody 13).


local it = require "util.iterators";
local new_short_id = require "util.id".short;

local role_methods = {};
local role_mt = { __index = role_methods, __name = "role" };

local permission_key_pattern = "^[^:]+:.+$";

local function is_role(v) return getmetatable(v) == role_mt; end

-- new makes a role of { name =, priority =, inherits = { roles } }.
local function new(base, overrides)
	local config = setmetatable(overrides or {}, { __index = base or {} });
	local name = assert(config.name, "role needs a name");
	return setmetatable({
		id = config.id or new_short_id(); name = name; description = config.description; default = config.default;
		priority = config.priority; permissions = config.permissions or {}; inherits = config.inherits or {};
	}, role_mt);
end

function role_mt:__tostring()
	return ("role<[%s] %s>"):format(self.id or "nil", self.name or "[no name]");
end

function role_methods:clone(overrides)
	return new(self, overrides);
end

function role_methods:set_permission(name, value, overwrite)
	assert(name:match(permission_key_pattern), "invalid permission name: " .. name);
	if overwrite ~= true and self.permissions[name] ~= nil and self.permissions[name] ~= value then
		return false, "policy-already-exists";
	end
	self.permissions[name] = value;
	return true;
end

-- may reports whether the role or one that it inherits allows an action.
function role_methods:may(action, context)
	local policy = self.permissions[action];
	if policy ~= nil then return policy; end
	for _, inherited in ipairs(self.inherits) do
		policy = inherited:may(action, context);
		if policy ~= nil then return policy; end
	end
	return nil;
end

function role_methods:policies()
	return it.sorted_pairs(self.permissions);
end

function role_methods:jsonify() return { _role_id = self.id, name = self.name }; end

return { is_role = is_role, new = new };
