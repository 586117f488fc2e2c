-- SPDX-License-Identifier: Apache-2.0

local dm, sm = require "util.datamanager", require "core.storagemanager";
local host = "example.org";

local function all(iter, ...)
	local out = {};
	for name in iter, ... do out[#out + 1] = name end
	table.sort(out);
	return out;
end

-- Tables are those of keyval stores.
is(dm.load("romeo", host, "notes"), nil);
is(dm.store("romeo", host, "notes", { a = 1 }), true);
is(dm.load("romeo", host, "notes"), { a = 1 });
is(open("notes"):get("romeo"), { a = 1 });
is(dm.store(nil, host, "notes", { host = true }), true);
is(dm.load(nil, host, "notes"), { host = true });
is(dm.load("romeo", "example.net", "notes"), nil);
is(all(dm.users(host, "notes")), { "romeo" });
is(dm.store("romeo", host, "other", { 1 }), true);
is(all(dm.stores("romeo", host)), { "notes", "other" });
is(all(dm.stores("juliet", host)), {});
is(all(dm.stores(true, host)), { "notes", "other" });
is(dm.store("romeo", host, "notes", nil), true);
is(dm.load("romeo", host, "notes"), nil);
raises("a function cannot be stored", dm.store, "romeo", host, "notes", { print });

-- Lists.
is(dm.list_load("romeo", host, "events"), nil);
is(dm.list_append("romeo", host, "events", { n = 1 }), true);
is(dm.list_append("romeo", host, "events", "text"), true);
is(dm.list_append("romeo", host, "events"), nil);
is(dm.list_load("romeo", host, "events"), { { n = 1 }, "text" });
is(dm.list_store("romeo", host, "events", { { n = 2 }, 3, true }), true);
is(dm.list_load("romeo", host, "events"), { { n = 2 }, 3, true });
is(all(dm.users(host, "events", "list")), { "romeo" });
is(all(dm.stores("romeo", host, "list")), { "events" });
is(dm.list_store("romeo", host, "events", {}), true);
is(dm.list_load("romeo", host, "events"), nil);
dm.list_append("romeo", host, "events", { n = 1 });
is(dm.list_store("romeo", host, "events", nil), true);
is(dm.list_load("romeo", host, "events"), nil);
raises("a function cannot be stored", dm.list_append, "romeo", host, "events", { print });

-- A list is the archive of the same name.
local st = require "util.stanza";
local offline = open("offline", "archive");
assert(offline:append("romeo", nil, st.message({ from = "juliet@example.org/balcony", to = "romeo@example.org" }, "hello"), 1700000000, "juliet@example.org"));
local list = dm.list_load("romeo", host, "offline");
is(#list, 1);
is(list[1].name, "message");
is(list[1].when, 1700000000);
is(list[1].with, "juliet@example.org");
is(list[1].attr.stamp, "2023-11-14T22:13:20Z");
is(st.deserialize(list[1]):get_child_text("body"), "hello");
assert(dm.list_append("romeo", host, "offline", st.preserialize(st.message({ from = "a@b" }, "second"))));
fails("unsupported-datatype", dm.list_append, "romeo", host, "offline", { 1 });
local n = 0;
for _, stanza in offline:find("romeo") do
	n = n + 1;
	is(stanza:get_child_text("body"), n == 1 and "hello" or "second");
end
is(n, 2);
is(dm.list_store("romeo", host, "offline", nil), true);
is(dm.list_load("romeo", host, "offline"), nil);

-- Callbacks see what is stored, and may change or refuse it.
local seen;
local function callback(user, at, store, data)
	seen = { user, at, store, data and data.a };
	if store == "refused" then return false end
	if store == "moved" then return user, at, "elsewhere", data end
	if store == "changed" then return user, at, store, { changed = true } end
	return user, at, store, data;
end
is(dm.add_callback(callback), true);
is(dm.add_callback(callback), nil);
is(dm.store("romeo", host, "notes", { a = 5 }), true);
is(seen, { "romeo", host, "notes", 5 });
is(dm.load("romeo", host, "notes"), { a = 5 });
is(dm.store("romeo", host, "refused", { a = 1 }), true);
is(dm.load("romeo", host, "refused"), nil);
is(open("moved"):set("romeo", { a = 1 }), true);
is(dm.load("romeo", host, "moved"), nil);
is(dm.load("romeo", host, "elsewhere"), { a = 1 });
is(open("changed", "map"):set("romeo", "a", 1), true);
is(dm.load("romeo", host, "changed"), { changed = true });
is(open("notes", "map"):set_keys("romeo", { b = 1 }), true);
is(seen, { "romeo", host, "notes", 5 });
is(dm.load("romeo", host, "notes"), { a = 5, b = 1 });
is(dm.list_append("romeo", host, "refused", 1), true);
is(dm.list_load("romeo", host, "refused"), nil);
is(dm.remove_callback(callback), true);
is(dm.remove_callback(callback), nil);
is(dm.store("romeo", host, "refused", { a = 1 }), true);
is(dm.load("romeo", host, "refused"), { a = 1 });

-- Paths of files.
is(dm.path_encode("b.example/x_y"), "b%2eexample%2fx%5fy");
is(dm.path_decode("b%2eexample%2Fx%zz%"), "b.example/x%zz%");
is(dm.path_encode(nil), nil);
local path = dm.getpath("romeo", "b.example", "scan_x", "scs", true);
is(path:match("[^/]+/[^/]+/[^/]+$"), "b%2eexample/scan_x/romeo.scs");
is(dm.getpath(nil, host, "x.y"):match("[^/]+/[^/]+$"), "example%2eorg/x%2ey.dat");
is(dm.getpath("../..", nil, "../.."):match("[^/]+/[^/]+/[^/]+$"), "_global/%2e%2e%2f%2e%2e/%2e%2e%2f%2e%2e.dat");
local f = assert(io.open(path, "w")); f:write("one"); f:close();
is({ dm.append_raw("romeo", "b.example", "scan_x", "scs", " two") }, { true, 3 });
f = assert(io.open(path)); is(f:read("*a"), "one two"); f:close();
is(dm.store_raw(path, "three"), true);
f = assert(io.open(path)); is(f:read("*a"), "three"); f:close();
is(dm.store_raw("/nonexistent/x", "three"), nil);

-- The manager.
sm.initialize_host(host);
is(sm.open(host, "notes"):get("romeo"), { a = 5, b = 1 });
is(sm.open(host, "notes", "map"):get("romeo", "a"), 5);
fails("unsupported-store", sm.open, host, "notes", "tree");
local driver, name = sm.get_driver(host, "notes");
is(name, driver.name);
is(driver:open("notes"):get("romeo"), { a = 5, b = 1 });
is(all(driver:stores("romeo")), { "changed", "elsewhere", "notes", "other", "refused" });
is(sm.olddm.load("romeo", host, "notes"), { a = 5, b = 1 });
dm.list_append("romeo", host, "events", 1);
is(sm.purge("romeo", host), true);
is(dm.load("romeo", host, "notes"), nil);
is(dm.list_load("romeo", host, "events"), nil);
is(dm.load(nil, host, "notes"), { host = true });
fails("not-supported", dm.purge, "", host);
