-- SPDX-License-Identifier: Apache-2.0
local p = require "util.pubsub";
local s = p.new {};
P(s:create("n", true)); P(s:create("n", true)); P(s:publish("n", true, "i1", "item1")); P(s:get_items("n", true)); P(s:get_last_item("n", true));
P(s:publish("zz", true, "i", "x")); P(s:add_subscription("n", true, "a@b/c")); P(s:get_subscription("n", true, "a@b/c")); P(s:get_subscriptions(nil, true, "a@b/c"));
P(s:retract("n", true, "i1")); P(s:retract("n", true, "i1")); P(s:get_items("n", true)); P(s:get_items("nope", true)); P(s:remove_subscription("n", true, "a@b/c"));
P(s:remove_subscription("n", true, "a@b/c")); P(s:set_affiliation("n", true, "q@w", "publisher")); P(s:get_last_item("n", true)); P(s:set_node_config("n", true, { max_items = 1 }));
P(s:publish("n", true, "1", "a")); P(s:publish("n", true, "2", "b")); P(s:get_items("n", true)); P(s:publish("n", "nobody@x", "2", "b")); P(s:publish("n", "q@w", "3", "c"));
P(s:purge("n", true)); P(s:get_items("n", true)); P(s:delete("n", true)); P(s:delete("n", true)); P(s:create("m", "x@y")); P(s:may("n", "x", "create"));
P(s:get_subscription("nope", true, "a")); P(s:add_subscription("nope", true, "a@b")); P(s:get_node_config("n", true));

s = p.new { autocreate_on_publish = true, autocreate_on_subscribe = true, node_defaults = { max_items = 3, access_model = "whitelist", persist_items = true },
	broadcaster = function (kind, node, subs, item)
		local j = {}; for k in pairs(subs) do j[#j + 1] = k end table.sort(j); P("broadcast", kind, node, j, item);
	end, normalize_jid = function (j) return j:match("^[^/]+") end, get_affiliation = function (jid) if jid == "owner@x" then return "owner" end end };
for _, e in ipairs { "subscription-added", "subscription-removed", "node-created", "node-deleted", "item-published", "item-published/n", "item-retracted", "node-purged" } do
	s.events.add_handler(e, function (d) P("event", e, d.node, d.jid, d.id) end);
end
local function run(method, ...) T(s[method], s, ...) end
run("publish", "n", "owner@x/r", "1", "A"); run("add_subscription", "n", true, "sub@x/1"); run("publish", "n", true, "2", "B"); run("publish", "n", "stranger@x", "3", "C");
run("add_subscription", "n", "stranger@x", "stranger@x"); run("get_items", "n", "stranger@x"); run("set_affiliation", "n", true, "m@x", "member"); run("get_items", "n", "m@x/1");
run("add_subscription", "n", "m@x/1", "m@x/1"); run("add_subscription", "n", "m@x", "other@x"); run("get_items", "n", true, { "2", "9" }); run("get_items", "n", true, "1");
run("publish", "n", true, "3", "C"); run("publish", "n", true, "4", "D"); run("publish", "n", true, "5", "E"); run("get_items", "n", true); run("get_items", "n", true, nil, { max = 1 });
run("retract", "n", true, "4", true); run("retract", "n", "m@x", "5"); run("purge", "n", true, true); run("get_subscriptions", "n", true); run("get_subscriptions", nil, "m@x", "m@x/1");
run("remove_subscription", "n", "m@x/1", "m@x/1"); run("set_node_config", "n", "owner@x", { max_items = 5 }); run("get_node_config", "n", "owner@x"); run("get_node_config", "n", "m@x");
run("publish", "n", true, "5", "E", { max_items = 9 }); run("publish", "n", true, "5", "E", { max_items = 5 }); run("create", "m", "nobody@x"); run("create", "m", "owner@x", { access_model = "open" });
run("get_items", "m", "any@x"); run("delete", "m", "any@x"); run("delete", "m", "owner@x"); run("get_default_affiliation", "n", "any@x"); run("get_last_item", "n", true); run("may", "n", "m@x", "publish");
run("publish", "new", true, "1", "x", { _defaults_only = true, max_items = 7 }); run("get_nodes", "stranger@x"); run("jids_equal", "a@b/c", "a@b");

-- nodes that are stored, items without a bound, filters
local stored = { old = { name = "old", config = { max_items = 2 }, subscribers = { ["sub@x/1"] = true }, affiliations = { ["m@x"] = "member" } } };
local store = {};
function store:get(node) return stored[node]; end
function store:set(node, data) stored[node] = data; P("stored", node, data); return true; end
function store:users() return pairs(stored); end
local opened = {};
local function items(config, node)
	P("items of", node, config.max_items);
	opened[node] = opened[node] or require "util.cache".new(config.max_items == "max" and 9 or config.max_items);
	return opened[node];
end
s = p.new { nodestore = store, itemstore = items, max_items = 9, autocreate_on_publish = true, node_defaults = { persist_items = true, max_items = 1, access_model = "whitelist" },
	subscriber_filter = function (subs, node, kind) P("filter", node, kind, subs); return { ["other@x"] = true }; end,
	broadcaster = function (kind, node, subs, item) P("broadcast", kind, node, subs, item); end };
run("get_subscriptions", nil, true, nil); run("get_subscriptions", nil, true, "sub@x/1"); run("get_items", "old", "m@x"); run("publish", "old", true, "1", "A"); run("get_last_item", "old", "m@x");
run("publish", "n", true, "1", "A"); run("set_node_config", "n", true, { max_items = "max", access_model = "open" }); run("publish", "n", true, "2", "B"); run("get_items", "n", true);
run("retract", "n", true, "1"); run("get_items", "n", true, {}); run("get_items", "n", true, { "2", "2" }, { max = 1 }); run("set_node_config", "n", true, { max_items = "max", persist_items = false });
run("get_items", "n", true); run("get_last_item", "n", true); run("publish", "n", true, "3", "C"); run("retract", "n", true, "3", "gone"); run("purge", "n", true, true);
run("set_node_config", "n", true, { max_items = 3 }); run("get_node_config", "n", true); run("publish", "n", true, "4", "D"); run("get_items", "n", true);
run("create", "open", true, { publish_model = "open", access_model = "open" }); run("publish", "open", "any@x", "1", "A"); run("retract", "open", "any@x", "1"); run("get_node_config", "open", "any@x");
run("add_subscription", "n", "any@x", "any@x"); run("delete", "n", true); P(stored.n); run("get_subscriptions", nil, true, "any@x");
s = p.new { itemcheck = function (item) return item == "good" end }; run("create", "n", true); run("publish", "n", true, "1", "bad"); run("publish", "n", true, "1", "good"); run("publish", "n", true, "1", nil);
local kinds = {}; for name in pairs(s.config.capabilities) do kinds[#kinds + 1] = name; end table.sort(kinds); P(kinds);
s = p.new { nodestore = { set = function () return nil, "disk full" end } }; run("create", "n", true);
