-- SPDX-License-Identifier: Apache-2.0

local st = require "util.stanza";
local a = assert(open("log", "archive"));

local function message(n, with)
	return st.message({ from = with, to = "romeo@example.org", id = "m" .. n }, "text " .. n)
		:tag("x", { xmlns = "urn:x", ["xml:lang"] = "en" }):text("<&>"):up();
end

local function keys(...)
	local iter, err = a:find(...);
	if not iter then return nil, err end
	local out = {};
	for key in iter do out[#out + 1] = key end
	return out;
end

-- An empty one.
is(keys("romeo"), {});
fails("item-not-found", keys, "romeo", { after = "nothing" });
fails("item-not-found", keys, "romeo", { before = "0000000000000" });
is(select(2, a:find("romeo", { total = true })), 0);
fails("item-not-found", a.get, a, "romeo", "nothing");
fails("item-not-found", a.set, a, "romeo", "nothing", message(1));
is(a:delete("romeo", { key = "nothing" }), 0);

-- What is appended comes back as it was.
local base = 1700000000;
local withs = { "juliet@example.org", "nurse@example.org/garden", "message<groupchat" };
local ids = {};
for i = 1, 9 do
	ids[i] = assert(a:append("romeo", nil, message(i, "juliet@example.org"), base + i * 3600, withs[(i - 1) % 3 + 1]));
end
is(keys("romeo"), ids);
local n = 0;
for key, stanza, when, with in a:find("romeo") do
	n = n + 1;
	is(key, ids[n]);
	is(st.is_stanza(stanza), true);
	is(stanza:get_child_text("body"), "text " .. n);
	is(stanza:get_child("x", "urn:x").attr, { xmlns = "urn:x", ["xml:lang"] = "en" });
	is(stanza.attr, { from = "juliet@example.org", to = "romeo@example.org", id = "m" .. n });
	is(when, base + n * 3600);
	is(with, withs[(n - 1) % 3 + 1]);
end
is(n, 9);
local stanza, when, with = a:get("romeo", ids[4]);
is(stanza:get_child_text("body"), "text 4");
is({ when, with }, { base + 4 * 3600, withs[1] });
fails("item-not-found", a.get, a, "juliet", ids[4]);
is(keys("juliet"), {});

-- Queries.
local function pick(...)
	local out = {};
	for i, n in ipairs { ... } do out[i] = ids[n] end
	return out;
end
is(keys("romeo", { with = withs[1] }), pick(1, 4, 7));
is(keys("romeo", { with = withs[2] }), pick(2, 5, 8));
is(keys("romeo", { with = withs[3] }), pick(3, 6, 9));
is(keys("romeo", { with = "nurse@example.org" }), {});
is(keys("romeo", { with = "" }), {});
is(keys("romeo", { with = withs[3], limit = 2 }), pick(3, 6));
is(keys("romeo", { with = withs[3], limit = 2, reverse = true }), pick(9, 6));
is(keys("romeo", { key = ids[5] }), pick(5));
is(keys("romeo", { key = "nothing" }), {});
is(keys("romeo", { ids = { ids[7], ids[2], "nothing" } }), pick(2, 7));
is(keys("romeo", { ids = { ids[7], ids[2] }, with = withs[1] }), pick(7));
is(keys("romeo", { ids = {} }), {});
is(keys("romeo", { start = base + 2 * 3600, ["end"] = base + 4 * 3600 }), pick(2, 3, 4));
is(keys("romeo", { start = base + 2 * 3600 + 0.5, ["end"] = base + 4 * 3600 - 0.5 }), pick(3));
is(keys("romeo", { after = ids[3] }), pick(4, 5, 6, 7, 8, 9));
is(keys("romeo", { after = ids[3], limit = 2 }), pick(4, 5));
is(keys("romeo", { before = ids[3] }), pick(1, 2));
is(keys("romeo", { after = ids[3], before = ids[6] }), pick(4, 5));
is(keys("romeo", { before = ids[6], reverse = true, limit = 2 }), pick(5, 4));
is(keys("romeo", { before = ids[6], after = ids[2], reverse = true }), pick(5, 4, 3));
is(keys("romeo", { limit = 0 }), {});
is(keys("romeo", { reverse = true }), pick(9, 8, 7, 6, 5, 4, 3, 2, 1));
is(select(2, a:find("romeo", { total = true, limit = 1, after = ids[3] })), 9);
is(select(2, a:find("romeo", { total = true, limit = 0 })), 9);
is(select(2, a:find("romeo", { total = true, with = withs[2] })), 3);
is(select(2, a:find("romeo", { total = true, with = withs[1], start = base + 3 * 3600 })), 2);
is(select(2, a:find("romeo", { total = true, ids = pick(1, 2) })), 2);
is(select(2, a:find("romeo")), nil);

-- A summary.
local sum = a:summary("romeo", { with = withs[3] });
is(sum, { counts = { [withs[3]] = 3 }, earliest = { [withs[3]] = base + 3 * 3600 }, latest = { [withs[3]] = base + 9 * 3600 }, body = { [withs[3]] = "text 9" } });
is(a:summary("romeo").counts, { [withs[1]] = 3, [withs[2]] = 3, [withs[3]] = 3 });
is(a:dates("romeo"), { "2023-11-14", "2023-11-15" });
local users = {};
for user in a:users() do users[#users + 1] = user end
is(users, { "romeo" });

-- Another takes the place of an entry.
is(a:set("romeo", ids[4], message("new", "juliet@example.org")), true);
is(a:get("romeo", ids[4]):get_child_text("body"), "text new");
is(keys("romeo"), ids);
for key, stanza, when, with in a:find("romeo", { with = withs[1], after = ids[1] }) do
	is({ key, stanza:get_child_text("body"), when, with }, { ids[4], "text new", base + 4 * 3600, withs[1] });
	break;
end
is(a:set("romeo", ids[4], message("newer"), base + 4 * 3600, withs[1]), true);
fails("not-supported", a.set, a, "romeo", ids[4], message("later"), base);
is(a:get("romeo", ids[4]):get_child_text("body"), "text newer");

-- Entries with names.
is(a:append(nil, "item one", message(1), base, "x"), "item one");
is(a:append(nil, "item two", message(2), base + 1, "x"), "item two");
is(keys(nil), { "item one", "item two" });
is(a:append(nil, "item one", message(3), base + 2, "y"), "item one");
is(keys(nil), { "item two", "item one" });
is(a:get(nil, "item one"):get_child_text("body"), "text 3");
is(keys(nil, { after = "item two" }), { "item one" });
is(keys(nil, { key = "item two" }), { "item two" });
is(keys(nil, { ids = { "item two", "item three" } }), { "item two" });
is(a:set(nil, "item two", message(4)), true);
is(a:get(nil, "item two"):get_child_text("body"), "text 4");
is(a:delete(nil, { key = "item two" }), 1);
fails("item-not-found", a.get, a, nil, "item two");
is(a:append(nil, "item two", message(5)), "item two");
is(a:get(nil, "item two"):get_child_text("body"), "text 5");
for user in a:users() do is(user, "romeo") end

-- Deletions.
is(a:delete("romeo", { with = withs[2], start = base + 4 * 3600 }), 2);
is(keys("romeo"), pick(1, 2, 3, 4, 6, 7, 9));
is(a:delete("romeo", { ["end"] = base + 3600 }), 1);
is(a:delete("romeo", { before = ids[3] }), 1);
is(a:delete("romeo", { ids = { ids[4], ids[4], "x" } }), 1);
is(keys("romeo"), pick(3, 6, 7, 9));
fails("item-not-found", a.get, a, "romeo", ids[4]);
is(a:delete("romeo", { truncate = 5 }), 0);
is(a:delete("romeo", { truncate = 3 }), 1);
is(keys("romeo"), pick(6, 7, 9));
is(a:delete("romeo", { truncate = 2, reverse = true }), 1);
is(keys("romeo"), pick(6, 7));
is(a:delete("romeo"), 2);
is(a:delete("romeo"), 0);
is(keys("romeo"), {});
is(a:delete(nil, {}), 2);
is(keys(nil), {});
for user in a:users() do error("there is still " .. user) end

-- All users.
for _, user in ipairs { "romeo", "juliet" } do
	for i = 1, 4 do a:append(user, nil, message(i), base + i, "") end
end
is(a:delete(true, { ["end"] = base + 2 }), 4);
is(#keys("romeo"), 2);
is(#keys("juliet"), 2);
fails("not-supported", a.delete, a, true);
fails("not-supported", a.delete, a, true, { ["end"] = base, with = "x" });

-- What is no stanza.
fails("unsupported-datatype", a.append, a, "romeo", nil, { 1 }, base, "x");
fails("unsupported-datatype", a.append, a, "romeo", nil, "text", base, "x");
local bad = message(1); bad.name = "a b";
fails("unsupported-datatype", a.append, a, "romeo", nil, bad, base, "x");
local deep = st.stanza("a");
for _ = 1, 200 do deep:tag("b") end
assert(a:append("romeo", nil, deep, base, "x"));
assert(a:append("romeo", ("k"):rep(2000), message(1), 0/0, "\0"));
fails("too large", a.append, a, "romeo", ("k"):rep(10000), message(1), 1e300, "x");

-- 1,000 of them, appended while others are read.
a:delete("romeo");
for i = 1, 1000 do assert(a:append("romeo", nil, message(i), base + i, "x@example.org")) end
n = 0;
for _, stanza in a:find("romeo") do
	n = n + 1;
	is(stanza:get_child_text("body"), "text " .. n);
	if n % 100 == 0 then assert(a:append("romeo", nil, message(0), base, "x@example.org")) end
end
is(n, 1000);
n = 0;
for key in a:find("romeo", { reverse = true }) do
	n = n + 1;
	if n % 2 == 0 then is(a:delete("romeo", { key = key }), 1) end
end
is(n, 1010);
is(select(2, a:find("romeo", { total = true })), 505);
