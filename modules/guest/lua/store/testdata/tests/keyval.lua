-- SPDX-License-Identifier: Apache-2.0

local s = assert(open("notes"));

is(s:get("romeo"), nil);
is(s:set("romeo", { a = 1, [false] = { version = 2 }, list = { "x", "y" } }), true);
is(s:get("romeo"), { a = 1, [false] = { version = 2 }, list = { "x", "y" } });
is(s:get("juliet"), nil);

-- What is returned is a copy.
s:get("romeo").a = 2;
is(s:get("romeo").a, 1);

-- The host itself is no user.
is(s:set(nil, { host = true }), true);
is(s:get(nil), { host = true });
is(s:get(), { host = true });
s:set("juliet", { 1 });
local users = {};
for user in s:users() do users[#users + 1] = user end
table.sort(users);
is(users, { "juliet", "romeo" });

-- Nothing, or an empty table, is no data.
is(s:set("romeo", nil), true);
is(s:get("romeo"), nil);
is(s:set("juliet", {}), true);
is(s:get("juliet"), nil);
for user in s:users() do error("there is still " .. user) end

-- Other hosts and stores have their own.
is(open("notes", nil, "example.net"):get(nil), nil);
is(open("other"):get(nil), nil);

-- What cannot be stored is raised, and changes nothing.
s:set("romeo", { 1 });
raises("a function cannot be stored", s.set, s, "romeo", { f = print });
local loop = {}; loop.loop = loop;
raises("holds itself", s.set, s, "romeo", loop);
raises("not a string", s.set, s, "romeo", "text");
is(s:get("romeo"), { 1 });

-- Hostile names and values.
for _, user in ipairs { "\0", "a\0b", "é", "../../etc/passwd", "%2e", ("x"):rep(1000), "'; drop table", "\255\254" } do
	is(s:set(user, { [user] = user }), true, user);
	is(s:get(user), { [user] = user }, user);
	is(s:set(user), true);
	is(s:get(user), nil, user);
end
fails("too large", s.set, s, ("x"):rep(10000), { 1 });

-- A wrapper does not have the fields.
is(s.get(setmetatable({}, { __index = s }), "romeo"), { 1 });

-- 10,000 users and one large table.
for i = 1, 200 do s:set("user" .. i, { i }) end
local n = 0;
for user in s:users() do if user:find("^user") then n = n + 1 end end
is(n, 200);
local big = {};
for i = 1, 10000 do big["key" .. i] = { i, name = "value " .. i } end
is(s:set("big", big), true);
local back = s:get("big");
for i = 1, 10000 do
	local one = back["key" .. i];
	assert(one[1] == i and one.name == "value " .. i);
end
