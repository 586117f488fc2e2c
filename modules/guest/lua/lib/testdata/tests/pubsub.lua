-- SPDX-License-Identifier: Apache-2.0
local s = require "util.pubsub".new { node_defaults = { access_model = "open" }, normalize_jid = function (jid) return jid:match("^[^/]+") end };
s:create("n", true); s:add_subscription("n", "a@x/1", "a@x/1"); s:add_subscription("n", "b@x/1", "b@x/1");
eq(s:set_affiliation("n", true, "a@x", "outcast"), true, "outcast");
local _, list = s:get_subscriptions("n", true); eq({ #list, list[1].jid }, { 1, "b@x/1" }, "outcasts lose their subscriptions");
eq({ s:add_subscription("n", "a@x/1", "a@x/1") }, { false, "forbidden" }, "and get none");
eq({ s:get_affiliations("n", "b@x") }, { false, "forbidden" }, "affiliations"); eq(select(2, s:get_affiliations("n", true)), { ["a@x"] = "outcast" }, "affiliations for all rights");
s:set_node_config("n", true, { access_model = "whitelist" }); _, list = s:get_subscriptions("n", true); eq(#list, 0, "closed nodes have no strangers");
-- a store that fails leaves all as it was, and who asks is told in a word that mod_pubsub knows
local failing = false;
s = require "util.pubsub".new { nodestore = { set = function () return not failing, "disk full" end } };
eq(s:create("n", true), true, "create"); failing = true;
eq({ s:create("m", true) }, { false, "internal-server-error" }, "create fails"); eq(s.nodes.m, nil, "no node");
eq({ s:delete("n", true) }, { false, "internal-server-error" }, "delete fails"); eq(s.nodes.n ~= nil, true, "node stays");
eq({ s:add_subscription("n", true, "a@x") }, { false, "internal-server-error" }, "subscribe fails"); eq(select(2, s:get_subscription("n", true, "a@x")), nil, "no subscription");
eq({ s:set_node_config("n", true, { max_items = 1 }) }, { false, "internal-server-error" }, "config fails"); eq(s.nodes.n.config.max_items, 20, "config stays");
s = require "util.pubsub".new { nodestore = { users = function () return pairs { old = true } end, get = function () return true end } };
eq(next(s.nodes), nil, "a node that is stored as something else");
