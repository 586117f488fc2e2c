-- SPDX-License-Identifier: Apache-2.0
local s = require "util.pubsub".new { node_defaults = { access_model = "open" }, normalize_jid = function (jid) return jid:match("^[^/]+") end };
s:create("n", true); s:add_subscription("n", "a@x/1", "a@x/1"); s:add_subscription("n", "b@x/1", "b@x/1");
eq(s:set_affiliation("n", true, "a@x", "outcast"), true, "outcast");
local _, list = s:get_subscriptions("n", true); eq({ #list, list[1].jid }, { 1, "b@x/1" }, "outcasts lose their subscriptions");
eq({ s:add_subscription("n", "a@x/1", "a@x/1") }, { false, "forbidden" }, "and get none");
eq({ s:get_affiliations("n", "b@x") }, { false, "forbidden" }, "affiliations"); eq(select(2, s:get_affiliations("n", true)), { ["a@x"] = "outcast" }, "affiliations for all rights");
s:set_node_config("n", true, { access_model = "whitelist" }); _, list = s:get_subscriptions("n", true); eq(#list, 0, "closed nodes have no strangers");
-- a store that fails leaves all as it was
local failing = false;
s = require "util.pubsub".new { nodestore = { set = function () return not failing, "disk full" end } };
eq(s:create("n", true), true, "create"); failing = true;
eq({ s:create("m", true) }, { false, "disk full" }, "create fails"); eq(s.nodes.m, nil, "no node");
eq({ s:delete("n", true) }, { false, "disk full" }, "delete fails"); eq(s.nodes.n ~= nil, true, "node stays");
eq({ s:add_subscription("n", true, "a@x") }, { false, "disk full" }, "subscribe fails"); eq(select(2, s:get_subscription("n", true, "a@x")), nil, "no subscription");
eq({ s:set_node_config("n", true, { max_items = 1 }) }, { false, "disk full" }, "config fails"); eq(s.nodes.n.config.max_items, 20, "config stays");
