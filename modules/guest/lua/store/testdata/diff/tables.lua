-- SPDX-License-Identifier: Apache-2.0

local dm = require "util.datamanager";
local host = "example.org";
local k, m = open("notes"), open("notes", "map");

-- F says how a call fails, for the words are others.
local function F(f, ...)
	local ok, value, err = pcall(f, ...);
	print(not ok and "raised" or value and "fine" or err and "failed" or "nothing");
end

local function sorted(iter, ...)
	local out = {};
	for name in iter, ... do out[#out + 1] = name end
	table.sort(out);
	P(out);
end

T(k.get, k, "romeo");
T(k.set, k, "romeo", { a = 1, [false] = { version = 2, pending = {} }, [true] = "yes", list = { "x", "y", { z = 1.5 } } });
T(k.get, k, "romeo");
T(k.set, k, "romeo", { [1] = "one", [2] = "two", [4] = "four", [-1] = "minus", [1.5] = "half", [""] = "empty" });
T(k.get, k, "romeo");
T(k.set, k, "romeo", { 9007199254740991, -9007199254740991, 0.1, 1/3, 1e300, 1/0, -1/0, 0/0, -0.5 });
T(k.get, k, "romeo");
T(k.set, k, "romeo", { "\0\1\127\128\255", "é", "a\nb\r\t\"'\\]]", ("x"):rep(5000) });
T(k.get, k, "romeo");
T(k.set, k, "romeo", { t = { t = { t = { t = {} } } } });
T(k.get, k, "romeo");

-- Users.
T(k.set, k, nil, { host = true });
T(k.get, k, nil);
T(k.get, k);
for _, user in ipairs { "a b", "../x", "%41", "é", ("u"):rep(60), "UPPER", "x.y_z-1" } do
	T(k.set, k, user, { user });
	T(k.get, k, user);
end
sorted(k:users());
sorted(dm.users(host, "notes"));
T(k.set, k, "romeo", nil);
T(k.get, k, "romeo");
T(k.set, k, "UPPER", {});
T(k.get, k, "UPPER");
sorted(k:users());

-- What cannot be stored.
F(k.set, k, "juliet", { print });
F(k.set, k, "juliet", { [print] = 1 });
F(k.set, k, "juliet", "text");
F(k.set, k, "juliet", 5);
local loop = {}; loop.loop = loop;
F(k.set, k, "juliet", loop);
local deep = {};
for _ = 1, 200 do deep = { deep } end
F(k.set, k, "juliet", deep);
deep = {};
for _ = 1, 120 do deep = { deep } end
F(k.set, k, "juliet", deep);
T(k.set, k, "juliet", nil);
T(k.set, k, "juliet", setmetatable({ 1 }, { __index = { 2 }, __len = function () return 5 end }));
T(k.get, k, "juliet");
T(k.set, k, "juliet", false);
T(k.get, k, "juliet");

-- Maps.
T(m.get, m, "romeo", "a");
T(m.set, m, "romeo", "a", 1);
T(m.set, m, "romeo", "b", { 1, 2 });
T(m.set, m, "romeo", false, { x = 1 });
T(m.set, m, "romeo", 5, "five");
T(m.get, m, "romeo", "a");
T(m.get, m, "romeo", "b");
T(m.get, m, "romeo", false);
T(m.get, m, "romeo", 5);
T(m.get, m, "romeo", nil);
T(m.get, m, "nobody", "a");
T(k.get, k, "romeo");
T(m.set_keys, m, "romeo", { a = m.remove, b = "b", c = { c = 1 }, [5] = m.remove });
T(k.get, k, "romeo");
T(m.set_keys, m, "romeo", {});
T(k.get, k, "romeo");
T(m.set, m, "romeo", "b", nil);
T(k.get, k, "romeo");
F(m.set, m, "romeo", nil, 1);
F(m.set, m, "romeo", "f", print);
T(k.get, k, "romeo");
T(m.set, m, nil, "c", "the host's");
T(m.set, m, "juliet", "c", false);
T(m.set, m, "tybalt", "c", "T");
T(m.get, m, "juliet", "c");
T(m.get_all, m, "c");
T(m.get_all, m, "none");
F(m.get_all, m, 5);
F(m.get_all, m, "");
T(m.delete_all, m, "c");
T(m.get_all, m, "c");
T(k.get, k, "romeo");
T(k.get, k, "juliet");
T(m.get, m, nil, "c");
F(m.delete_all, m, false);
T(m.set_keys, m, "romeo", { [false] = m.remove });
T(k.get, k, "romeo");

-- The old manager.
T(dm.load, "romeo", host, "old");
T(dm.store, "romeo", host, "old", { 1 });
T(dm.load, "romeo", host, "old");
T(function () return open("old"):get("romeo") end);
T(dm.store, "romeo", host, "old", nil);
T(dm.load, "romeo", host, "old");
T(dm.list_load, "romeo", host, "events");
T(dm.list_append, "romeo", host, "events", { n = 1, [false] = 2 });
T(dm.list_append, "romeo", host, "events", "text");
T(dm.list_append, "romeo", host, "events", 5);
T(dm.list_append, "romeo", host, "events", nil);
T(dm.list_load, "romeo", host, "events");
T(dm.list_store, "romeo", host, "events", { { 1 }, { 2 } });
T(dm.list_append, "romeo", host, "events", { 3 });
T(dm.list_load, "romeo", host, "events");
F(dm.list_append, "romeo", host, "events", { print });
T(dm.list_store, "romeo", host, "events", {});
T(dm.list_load, "romeo", host, "events");
for _, name in ipairs { "b.example", "x_y", "a b/c", "é", "A-z.0" } do T(dm.path_encode, name) end
for _, name in ipairs { "b%2eexample", "%C3%a9", "%zz%", "plain" } do T(dm.path_decode, name) end
local function tail(...) return dm.getpath(...):match("[^/]+/[^/]+/?[^/]*$") end
T(tail, "romeo", "b.example", "x_y.z");
T(tail, "ro/meo", "b.example", "x", "list");

-- Callbacks.
local seen = {};
local function callback(user, at, store, data)
	seen[#seen + 1] = { user or "nil", at, store, data };
	if store == "refused" then return false end
	return user, at, store, data and store == "changed" and { changed = true } or data;
end
T(dm.add_callback, callback);
T(dm.add_callback, callback);
T(dm.store, "romeo", host, "plain", { 1 });
T(dm.store, "romeo", host, "refused", { 1 });
T(dm.store, "romeo", host, "changed", { 1 });
T(k.set, k, nil, { 5 });
T(dm.store, "romeo", host, "plain", nil);
T(open("changed", "map").set, open("changed", "map"), "romeo", "a", 1);
T(dm.list_append, "romeo", host, "refused", { 1 });
T(dm.list_store, "romeo", host, "refused", { { 1 } });
P(seen);
T(dm.load, "romeo", host, "refused");
T(dm.list_load, "romeo", host, "refused");
T(dm.load, "romeo", host, "changed");
T(dm.remove_callback, callback);
T(dm.remove_callback, callback);
