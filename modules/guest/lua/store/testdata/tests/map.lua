-- SPDX-License-Identifier: Apache-2.0

local m, k = assert(open("notes", "map")), assert(open("notes"));

is(m:get("romeo", "a"), nil);
is(m:set("romeo", "a", 1), true);
is(m:set("romeo", "b", { x = { 1, 2 } }), true);
is(m:set("romeo", false, "meta"), true);
is(m:set("romeo", 5, 0.5), true);
is(m:get("romeo", "a"), 1);
is(m:get("romeo", "b"), { x = { 1, 2 } });
is(m:get("romeo", false), "meta");
is(m:get("romeo", 5), 0.5);
is(m:get("romeo", "c"), nil);
is(m:get("romeo", nil), nil);
is(m:get("romeo", {}), nil);

-- A map and a keyval of one name are one.
is(k:get("romeo"), { a = 1, b = { x = { 1, 2 } }, [false] = "meta", [5] = 0.5 });
k:set("romeo", { a = 2, c = "new" });
is(m:get("romeo", "a"), 2);
is(m:get("romeo", "b"), nil);
is(m:get("romeo", "c"), "new");

is(m:set_keys("romeo", { a = m.remove, b = "b", d = { 1 }, [false] = true }), true);
is(k:get("romeo"), { b = "b", c = "new", d = { 1 }, [false] = true });
is(m:set("romeo", "c", nil), true);
is(k:get("romeo"), { b = "b", d = { 1 }, [false] = true });
is(m:set_keys("romeo", { b = m.remove, d = m.remove, [false] = m.remove }), true);
is(k:get("romeo"), nil);
is(m:set("romeo", "gone", nil), true);
is(k:get("romeo"), nil);

-- The host itself.
is(m:set(nil, "key", "value"), true);
is(m:get(nil, "key"), "value");
is(k:get(nil), { key = "value" });

-- All users.
m:set("romeo", "nick", "R");
m:set("juliet", "nick", "J");
m:set("tybalt", "other", true);
m:set(nil, "nick", "the host's");
is(m:get_all("nick"), { romeo = "R", juliet = "J" });
is(m:get_all("nobody has it"), nil);
fails("string", m.get_all, m, 5);
fails("string", m.get_all, m, "");
is(m:delete_all("nick"), true);
is(m:get_all("nick"), nil);
is(m:get("tybalt", "other"), true);
is(k:get("romeo"), nil);
is(m:get(nil, "nick"), "the host's");
fails("string", m.delete_all, m, false);

-- What cannot be stored is raised.
raises("a function cannot be stored", m.set, m, "romeo", "f", print);
raises("a key that is a", m.set, m, "romeo", {}, 1);
raises("a key that is a", m.set, m, "romeo", nil, 1);
is(k:get("romeo"), nil);

-- Prosody 13 has both in one.
local b = assert(open("both", "keyval+"));
is(b:set("romeo", { x = 1 }), true);
is(b:set_key("romeo", "y", 2), true);
is(b:get("romeo"), { x = 1, y = 2 });
is(b:get_key("romeo", "x"), 1);
is(b:set_keys("romeo", { x = b.remove }), true);
is(b:get_key_from_all("y"), { romeo = 2 });
is(b:delete_key_from_all("y"), true);
is(b:get("romeo"), nil);

-- 10,000 keys, one after the other and at once.
local many = {};
for i = 1, 10000 do many["k" .. i] = i end
is(m:set_keys("big", many), true);
for i = 1, 100 do
	is(m:get("big", "k" .. i * 100), i * 100);
	is(m:set("big", "k" .. i * 100, "new"), true);
end
is(m:get("big", "k100"), "new");
is(m:get("big", "k101"), 101);

fails("unsupported-store", open, "notes", "tree");
