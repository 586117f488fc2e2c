-- SPDX-License-Identifier: Apache-2.0

local st = require "util.stanza";
local a = open("log", "archive");

-- Ids that were drawn are shown by their numbers.
local names, ids = {}, {};

local function show(key) return names[key] or key end

local function find(user, query)
	local iter, total = a:find(user, query);
	if not iter then return print("failed", total == "item-not-found" and total or "") end
	local out = {};
	for key, stanza, when, with in iter do
		out[#out + 1] = ("%s:%s:%s:%s"):format(show(key), stanza:get_child_text("body") or "", ("%.6g"):format(when), with);
	end
	print(table.concat(out, " "), total or "none");
end

local function message(n) return st.message({ from = "a@b", to = "c@d", id = "m" .. n, type = "chat" }, "t" .. n) end

local function append(user, key, n, when, with)
	local id, err = a:append(user, key, message(n), when, with);
	if not id then return print("failed", err) end
	if not key then names[id] = "#" .. n; ids[n] = id end
	print(show(id));
end

print(a.caps.total, a.caps.truncate, a.caps.ids, a.caps.full_id_range);
find("romeo");
find("romeo", { total = true });
find("romeo", { after = "x" });
find("romeo", { before = "x" });
P(a:get("romeo", "x"));
P(a:set("romeo", "x", message(1)));
P(a:delete("romeo", { key = "x" }));

for n = 1, 9 do append("romeo", nil, n, 100000 + n * 10, "w" .. n % 3) end
find("romeo");
for _, query in ipairs {
	{ with = "w1" }, { with = "none" }, { key = ids[3] }, { key = "x" }, { ids = { ids[2], ids[5], "x" } }, { ids = {} },
	{ start = 100020 }, { ["end"] = 100020 }, { start = 100020, ["end"] = 100040 }, { start = 100021, ["end"] = 100029 }, { start = 200000 },
	{ after = ids[3] }, { after = ids[9] }, { after = ids[3], limit = 2 }, { before = ids[4] }, { before = ids[1] }, { after = ids[2], before = ids[5] },
	{ reverse = true }, { reverse = true, before = ids[4] }, { reverse = true, before = ids[4], limit = 2 }, { reverse = true, after = ids[7] },
	{ reverse = true, before = ids[8], after = ids[3] }, { limit = 3 }, { limit = 0 }, { limit = 100 }, { after = "x" }, { reverse = true, before = "x" },
	{ with = "w1", limit = 2 }, { with = "w1", reverse = true, limit = 1 }, { with = "w2", start = 100030, ["end"] = 100060 },
} do
	find("romeo", query);
	query.total = true;
	find("romeo", query);
end

-- One entry.
local function get(user, key)
	local stanza, when, with = a:get(user, key);
	if not stanza then return print("failed", when) end
	S(stanza);
	P(when, with);
end
get("romeo", ids[4]);
get("romeo", "x");
get("juliet", ids[4]);
P(a:set("romeo", ids[4], message(44)));
get("romeo", ids[4]);
P(a:set("romeo", ids[4], message(45), 100040, "w1"));
get("romeo", ids[4]);
find("romeo");

-- Rich stanzas come back as they were.
local rich = st.message({ from = "a@b/c", ["xml:lang"] = "en", ["urn:x\1y"] = "z" }):text_tag("body", "<&>\"' é")
	:tag("x", { xmlns = "urn:x" }):text("one"):tag("y", { a = "b", xmlns = "urn:x" }):up():text("two"):up()
	:tag("z", { xmlns = "urn:z" }):tag("z", { xmlns = "urn:z" }):up():up();
local id = a:append("rich", nil, rich, 5, "w");
names[id] = "rich";
S(a:get("rich", id));
S(rich);
find("rich");

-- A summary, days, users.
local function sum(query)
	local s, err = a:summary("romeo", query);
	P(s, err);
end
sum();
sum { with = "w2" };
sum { start = 100050, ["end"] = 100060 };
a:append("days", nil, message(1), 0, "w");
a:append("days", nil, message(1), 86399, "w");
a:append("days", nil, message(1), 86400, "w");
a:append("days", nil, message(1), 1700000000, "w");
local days = a:dates("days");
table.sort(days);
P({ unpack(days) });
local users = {};
for user in a:users() do users[#users + 1] = user end
table.sort(users);
P(users);

-- Entries with names.
append("named", "one", 1, 10, "w");
append("named", "two", 2, 20, "w");
append("named", "one", 3, 30, "v");
find("named");
get("named", "one");
find("named", { key = "one", total = true });
find("named", { after = "two" });
find("named", { ids = { "one" } });
P(a:set("named", "two", message(5)));
find("named");
P(a:delete("named", { key = "one" }));
find("named");
append("named", "one", 6, 40, "w");
find("named");

-- Deletions.
P(a:delete("romeo", { key = ids[1] }));
P(a:delete("romeo", { key = ids[1] }));
P(a:delete("romeo", { with = "w2" }));
find("romeo");
P(a:delete("romeo", { start = 100090 }));
find("romeo");
P(a:delete("romeo", { ["end"] = 100030 }));
find("romeo");
P(a:delete("romeo", { truncate = 5 }));
P(a:delete("romeo", { truncate = 1 }));
find("romeo");
P(not not a:delete("romeo"));
find("romeo");
P(not not a:delete("named", {}));
find("named");
P(a:append("romeo", nil, { 1 }, 5, "w"));
P(a:append("romeo", nil, "text", 5, "w"));
find("romeo");
