-- SPDX-License-Identifier: Apache-2.0

-- Publish-subscribe services (XEP-0060): nodes with items, who may do what,
-- and who is told.

local events = require "util.events";
local cache = require "util.cache";
local errors = require "util.error";

local service = {};
local service_mt = { __index = service };

-- What an affiliation may do. Those above have the rights of those below.
local anybody, known, subscribers = { "outcast", "none", "member", "publisher", "owner" }, { "none", "member", "publisher", "owner" },
	{ "member", "publisher", "owner" };
local publishers, owners = { "publisher", "owner" }, { "owner" };
local rights = {
	create = owners; publish = publishers; retract = publishers; get_nodes = known; get_items = subscribers; subscribe = known; unsubscribe = known;
	get_subscription = anybody; get_subscriptions = anybody; subscribe_other = owners; unsubscribe_other = owners;
	get_subscription_other = owners; get_subscriptions_other = owners; be_subscribed = known; be_unsubscribed = anybody;
	set_affiliation = owners; configure = owners; get_configuration = publishers; delete = owners; get_affiliations = owners; purge = owners;
};

local default_capabilities = {};
for _, affiliation in ipairs { "outcast", "none", "member", "publisher", "owner" } do
	local may = {};
	for action, who in pairs(rights) do
		may[action] = false;
		for _, name in ipairs(who) do
			if name == affiliation then may[action] = true; end
		end
	end
	default_capabilities[affiliation] = may;
end

local default_node_config = {
	persist_items = true; max_items = 20; access_model = "open"; publish_model = "publishers"; send_last_published_item = "never";
};

-- What a service does unless its config says otherwise. The items are kept in
-- memory, nobody is told.
local default_config = { __index = {
	max_items = 256;
	capabilities = default_capabilities;
	itemstore = function (config) return cache.new(math.max(tonumber(config.max_items) or 1, 1)); end;
	itemcheck = function () return true; end;
	broadcaster = function () end;
	subscriber_filter = function (subscribers) return subscribers; end;
	get_affiliation = function () end;
	normalize_jid = function (jid) return jid; end;
} };

-- new makes a service. The nodes that its store has are there at once.
local function new(config)
	config = setmetatable(config or {}, default_config);
	local made = setmetatable({
		config = config;
		node_defaults = setmetatable(config.node_defaults or {}, { __index = default_node_config });
		affiliations = {}; subscriptions = {}; nodes = {}; data = {}; events = events.new();
	}, service_mt);
	local store = config.nodestore;
	if store and store.users then
		for node in store:users() do made:_load_node(node, store:get(node)); end
	end
	return made;
end

-- load_node takes a node as the store has it.
function service:_load_node(node, stored)
	if type(stored) ~= "table" then return; end
	local node_obj = {
		name = node; config = setmetatable(stored.config or {}, { __index = self.node_defaults });
		subscribers = stored.subscribers or {}; affiliations = stored.affiliations or {};
	};
	self.nodes[node] = node_obj;
	self:_open_items(node);
	for jid in pairs(node_obj.subscribers) do self:_note_subscription(node, jid); end
end

-- open_items has a node that keeps items keep them; it returns their store, nil
-- for other nodes.
function service:_open_items(node)
	local config = self.nodes[node].config;
	if config.persist_items and not self.data[node] then
		self.data[node] = self.config.itemstore(config, node);
	end
	return self.data[node];
end

function service:_normalize(jid) return self.config.normalize_jid(jid); end

function service:jids_equal(a, b)
	return self:_normalize(a) == self:_normalize(b);
end

-- get_default_affiliation is what somebody is to whom no affiliation was given.
function service:get_default_affiliation(node, actor)
	local node_obj = self.nodes[node];
	local access_model = node_obj and node_obj.config.access_model or self.node_defaults.access_model;
	if self.config.access_models then
		local check = self.config.access_models[access_model];
		if check then
			local affiliation = check(actor, self);
			if affiliation then return affiliation; end
		end
	end
	if access_model == "open" then
		return "member";
	elseif access_model == "whitelist" then
		return "outcast";
	end
	if self.config.access_models == nil and (access_model == "presence" or access_model == "roster" or access_model == "authorize") then
		return "outcast";
	end
	return "none";
end

-- may reports whether somebody may do something; true may do anything.
function service:may(node, actor, action)
	if actor == true then return true; end
	local node_obj = self.nodes[node];
	local affiliation = node_obj and node_obj.affiliations[self:_normalize(actor)];
	affiliation = affiliation or self.affiliations[self:_normalize(actor)]
		or self.config.get_affiliation(actor, node, action)
		or self:get_default_affiliation(node, actor);
	local own = node_obj and node_obj.capabilities and node_obj.capabilities[affiliation];
	if own and own[action] ~= nil then return own[action]; end
	local may = self.config.capabilities[affiliation];
	return may and may[action] or false;
end

-- store_node stores a node as it is, or that it is gone. Why it cannot is for
-- the store to log: those who ask know no such words.
function service:_store_node(node)
	local store, node_obj = self.config.nodestore, self.nodes[node];
	if not store then return true; end
	local ok = store:set(node, node_obj and {
		name = node; config = node_obj.config; subscribers = node_obj.subscribers; affiliations = node_obj.affiliations;
	});
	if not ok then return ok, "internal-server-error"; end
	return true;
end

function service:set_affiliation(node, actor, jid, affiliation)
	if not self:may(node, actor, "set_affiliation") then return false, "forbidden"; end
	local node_obj = self.nodes[node];
	if not node_obj then return false, "item-not-found"; end
	jid = self:_normalize(jid);
	local before = node_obj.affiliations[jid];
	node_obj.affiliations[jid] = affiliation;
	local ok, err = self:_store_node(node);
	if not ok then
		node_obj.affiliations[jid] = before;
		return ok, err;
	end
	for subscriber in pairs(node_obj.subscribers) do
		if self:jids_equal(subscriber, jid) and not self:may(node, jid, "be_subscribed") then
			self:remove_subscription(node, true, subscriber);
		end
	end
	return true;
end

function service:get_affiliations(node, actor)
	if not self:may(node, actor, "get_affiliations") then return false, "forbidden"; end
	local node_obj = self.nodes[node];
	if not node_obj then return false, "item-not-found"; end
	local all = {};
	for jid, affiliation in pairs(node_obj.affiliations) do all[jid] = affiliation; end
	return true, all;
end

-- forbidden asks for the right to act for oneself, or for somebody else.
function service:_forbidden(node, actor, jid, action)
	if actor == true or jid == actor or self:jids_equal(actor, jid) then
		return not self:may(node, actor, action);
	end
	return not self:may(node, actor, action .. "_other");
end

function service:add_subscription(node, actor, jid, options)
	if self:_forbidden(node, actor, jid, "subscribe") or not self:may(node, jid, "be_subscribed") then
		return false, "forbidden";
	end
	local node_obj = self.nodes[node];
	if not node_obj then
		if not self.config.autocreate_on_subscribe then return false, "item-not-found"; end
		local ok, err = self:create(node, true);
		if not ok then return ok, err; end
		node_obj = self.nodes[node];
	end
	local before = node_obj.subscribers[jid];
	node_obj.subscribers[jid] = options or true;
	local ok, err = self:_store_node(node);
	if not ok then
		node_obj.subscribers[jid] = before;
		return ok, err;
	end
	self:_note_subscription(node, jid);
	self.events.fire_event("subscription-added", {
		service = self; node = node; jid = jid; normalized_jid = self:_normalize(jid); options = options;
	});
	return true;
end

function service:_note_subscription(node, jid)
	local bare = self:_normalize(jid);
	local of = self.subscriptions[bare] or {};
	self.subscriptions[bare] = of;
	of[jid] = of[jid] or {};
	of[jid][node] = true;
end

function service:remove_subscription(node, actor, jid)
	if self:_forbidden(node, actor, jid, "unsubscribe") or not self:may(node, jid, "be_unsubscribed") then
		return false, "forbidden";
	end
	local node_obj = self.nodes[node];
	if not node_obj then return false, "item-not-found"; end
	if not node_obj.subscribers[jid] then return false, "not-subscribed"; end
	local before = node_obj.subscribers[jid];
	node_obj.subscribers[jid] = nil;
	local ok, err = self:_store_node(node);
	if not ok then
		node_obj.subscribers[jid] = before;
		return ok, err;
	end
	self:_forget_subscription(node, jid);
	self.events.fire_event("subscription-removed", { service = self; node = node; jid = jid; normalized_jid = self:_normalize(jid) });
	return true;
end

function service:_forget_subscription(node, jid)
	local bare = self:_normalize(jid);
	local of = self.subscriptions[bare];
	if of and of[jid] then
		of[jid][node] = nil;
		if next(of[jid]) == nil then of[jid] = nil; end
		if next(of) == nil then self.subscriptions[bare] = nil; end
	end
end

function service:get_subscription(node, actor, jid)
	if self:_forbidden(node, actor, jid, "get_subscription") then return false, "forbidden"; end
	local node_obj = self.nodes[node];
	if not node_obj then return false, "item-not-found"; end
	return true, node_obj.subscribers[jid];
end

-- get_subscriptions lists those of a node, of somebody, of both, or all.
function service:get_subscriptions(node, actor, jid)
	if self:_forbidden(node, actor, jid or actor, "get_subscriptions") then return false, "forbidden"; end
	local list = {};
	if node then
		local node_obj = self.nodes[node];
		if not node_obj then return false, "item-not-found"; end
		for subscriber, options in pairs(node_obj.subscribers) do
			if not jid or self:jids_equal(subscriber, jid) then
				list[#list + 1] = { node = node; jid = subscriber; subscription = options };
			end
		end
		return true, list;
	end
	for bare, of in pairs(self.subscriptions) do
		for subscriber, nodes in pairs((jid == nil or bare == self:_normalize(jid)) and of or {}) do
			for name in pairs(nodes) do
				list[#list + 1] = { node = name; jid = subscriber; subscription = self.nodes[name].subscribers[subscriber] };
			end
		end
	end
	return true, list;
end

function service:create(node, actor, options)
	if not self:may(node, actor, "create") then return false, "forbidden"; end
	if self.nodes[node] then return false, "conflict"; end
	local check = self.config.check_node_config;
	local config = setmetatable({}, { __index = self.node_defaults });
	for name, value in pairs(options or {}) do
		if name ~= "_defaults_only" then config[name] = value; end
	end
	if check and not check(node, actor, config) then return false, "not-acceptable"; end
	self.nodes[node] = { name = node; subscribers = {}; config = config; affiliations = {} };
	local ok, err = self:_store_node(node);
	if not ok then
		self.nodes[node] = nil;
		return ok, err;
	end
	self:_open_items(node);
	self.events.fire_event("node-created", { service = self; node = node; actor = actor });
	if actor ~= true then
		ok, err = self:set_affiliation(node, true, actor, "owner");
		if not ok then
			self.nodes[node], self.data[node] = nil, nil;
			return ok, err;
		end
	end
	return true;
end

function service:delete(node, actor)
	if not self:may(node, actor, "delete") then return false, "forbidden"; end
	local node_obj = self.nodes[node];
	if not node_obj then return false, "item-not-found"; end
	self.nodes[node] = nil;
	local ok, err = self:_store_node(node);
	if not ok then
		self.nodes[node] = node_obj;
		return ok, err;
	end
	self:_drop_items(node);
	for jid in pairs(node_obj.subscribers) do self:_forget_subscription(node, jid); end
	self.events.fire_event("node-deleted", { service = self; node = node; actor = actor });
	self:broadcast("delete", node, node_obj.subscribers, nil, actor, node_obj);
	return true;
end

-- unmet returns the name of a precondition that a config does not meet.
local function unmet(config, required)
	for name, value in pairs(required) do
		if name ~= "_defaults_only" and config[name] ~= value then return name; end
	end
end

-- publish adds an item. requires is a config that the node must have, or gets
-- when it is made for the item.
function service:publish(node, actor, id, item, requires)
	local node_obj = self.nodes[node];
	local allowed = self:may(node, actor, "publish")
		or node_obj and node_obj.config.publish_model == "open"
		or node_obj and node_obj.config.publish_model == "subscribers" and actor ~= true and node_obj.subscribers[actor] ~= nil;
	if not allowed then return false, "forbidden"; end
	if not node_obj then
		if not self.config.autocreate_on_publish then return false, "item-not-found"; end
		local ok, err = self:create(node, true, requires);
		if not ok then return ok, err; end
		node_obj = self.nodes[node];
	elseif requires and not requires._defaults_only then
		local field = unmet(node_obj.config, requires);
		if field then
			local err = errors.new { type = "cancel", condition = "conflict", text = "Field does not match: " .. field };
			err.pubsub_condition = "precondition-not-met";
			return false, err;
		end
	end
	if not self.config.itemcheck(item) then return nil, "invalid-item"; end
	local items = self:_open_items(node);
	if items then
		local ok = items:set(id, item);
		if not ok then return nil, "internal-server-error"; end
		if type(ok) == "string" then id = ok; end
	end
	local data = { service = self; node = node; actor = actor; id = id; item = item };
	self.events.fire_event("item-published/" .. node, data);
	self.events.fire_event("item-published", data);
	self:broadcast("items", node, node_obj.subscribers, item, actor, node_obj);
	return true;
end

-- broadcast tells those of the subscribers, and others, whom the filter leaves.
function service:broadcast(kind, node, subscribers, item, actor, node_obj)
	local told = self.config.subscriber_filter(subscribers, node, kind);
	return self.config.broadcaster(kind, node, told, item, actor, node_obj, self);
end

-- retract takes an item away; notify is true or what subscribers are told.
function service:retract(node, actor, id, notify)
	if not self:may(node, actor, "retract") then return false, "forbidden"; end
	local node_obj = self.nodes[node];
	if not node_obj then return false, "item-not-found"; end
	local items = self.data[node];
	if items and not items:get(id) then return false, "item-not-found"; end
	if items and not items:set(id, nil) then return nil, "internal-server-error"; end
	self.events.fire_event("item-retracted", { service = self; node = node; actor = actor; id = id });
	if notify then self:broadcast("retract", node, node_obj.subscribers, notify, actor, node_obj); end
	return true;
end

-- drop_items takes all items away, and their store.
function service:_drop_items(node)
	local items = self.data[node];
	self.data[node] = nil;
	if items and items.clear then items:clear(); end
end

function service:purge(node, actor, notify)
	if not self:may(node, actor, "purge") and not self:may(node, actor, "retract") then return false, "forbidden"; end
	local node_obj = self.nodes[node];
	if not node_obj then return false, "item-not-found"; end
	local items = self.data[node];
	if items and items.clear then
		items:clear();
	else
		self:_drop_items(node);
		self:_open_items(node);
	end
	self.events.fire_event("node-purged", { service = self; node = node; actor = actor });
	if notify then self:broadcast("purge", node, node_obj.subscribers, nil, actor, node_obj); end
	return true;
end

-- get_items returns { ids..., [id] = item }, the newest first: those of a list
-- of ids, one id, or all; resultspec.max bounds how many.
function service:get_items(node, actor, ids, resultspec)
	if not self:may(node, actor, "get_items") then return false, "forbidden"; end
	if not self.nodes[node] then return false, "item-not-found"; end
	local items, list, most = self.data[node], {}, resultspec and resultspec.max or math.huge;
	if not items then return false, "persistent-items-unsupported"; end
	local function add(id, item)
		if item ~= nil then
			list[#list + 1] = id;
			list[id] = item;
		end
		return #list < most;
	end
	if type(ids) == "string" then ids = { ids }; end
	if ids then
		for _, id in ipairs(ids) do
			if not add(id, items:get(id)) then break; end
		end
		return true, list;
	end
	for id, item in items:items() do
		if not add(id, item) then break; end
	end
	return true, list;
end

function service:get_last_item(node, actor)
	if not self:may(node, actor, "get_items") then return false, "forbidden"; end
	if not self.nodes[node] then return false, "item-not-found"; end
	local items = self.data[node];
	if not items then return true, nil; end
	local id, item = items:head();
	if id == nil then return true, nil; end
	return true, id, item;
end

function service:get_nodes(actor)
	if not self:may(nil, actor, "get_nodes") then return false, "forbidden"; end
	return true, self.nodes;
end

function service:set_node_capabilities(node, actor, capabilities)
	if not self:may(node, actor, "configure") then return false, "forbidden"; end
	local node_obj = self.nodes[node];
	if not node_obj then return false, "item-not-found"; end
	node_obj.capabilities = capabilities;
	return true;
end

-- set_node_config gives a node a config; what that leaves out is as the
-- defaults have it.
function service:set_node_config(node, actor, new_config)
	if not self:may(node, actor, "configure") then return false, "forbidden"; end
	local node_obj = self.nodes[node];
	if not node_obj then return false, "item-not-found"; end
	local config = setmetatable({}, { __index = self.node_defaults });
	for name, value in pairs(new_config) do config[name] = value; end
	local check = self.config.check_node_config;
	if check and not check(node, actor, config) then return false, "not-acceptable"; end
	local before = node_obj.config;
	node_obj.config = config;
	local ok, err = self:_store_node(node);
	if not ok then
		node_obj.config = before;
		return ok, err;
	end
	if not config.persist_items then
		self:_drop_items(node);
	elseif not before.persist_items then
		self:_open_items(node);
	elseif config.max_items ~= before.max_items and self.data[node] then
		local most = config.max_items == "max" and self.config.max_items or tonumber(config.max_items);
		self.data[node]:resize(math.max(most or 1, 1));
	end
	self.events.fire_event("node-config-changed", { service = self; node = node; actor = actor; config = config; changed = new_config });
	for jid in pairs(node_obj.subscribers) do
		if not self:may(node, jid, "be_subscribed") then self:remove_subscription(node, true, jid); end
	end
	return true;
end

-- get_node_config returns a copy with the defaults in it.
function service:get_node_config(node, actor)
	if not self:may(node, actor, "get_configuration") then return false, "forbidden"; end
	local node_obj = self.nodes[node];
	if not node_obj then return false, "item-not-found"; end
	local config = {};
	for name, value in pairs(default_node_config) do config[name] = value; end
	for name, value in pairs(self.node_defaults) do config[name] = value; end
	for name, value in pairs(node_obj.config) do config[name] = value; end
	return true, config;
end

return { new = new };
