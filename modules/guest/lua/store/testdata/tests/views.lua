-- SPDX-License-Identifier: Apache-2.0

-- What native modules keep, where none of them is loaded.

local st = require "util.stanza";
local stored = st.preserialize;

-- vCards.
local v = open("vcard");
local card = { name = "vCard", attr = { xmlns = "vcard-temp" },
	{ name = "FN", attr = { xmlns = "vcard-temp" }, "Romeo & <Co>" },
	{ name = "PHOTO", attr = { xmlns = "vcard-temp", ["xml:lang"] = "en", ["urn:x\1y"] = "z" }, { name = "x", attr = { xmlns = "urn:y" } }, "tail" } };
is(v:get("romeo"), nil);
is(v:set("romeo", stored(st.stanza("vCard", { xmlns = "vcard-temp" }):text_tag("FN", "Romeo"))), true);
is(v:get("romeo"), { name = "vCard", attr = { xmlns = "vcard-temp" }, { name = "FN", attr = { xmlns = "vcard-temp" }, "Romeo" } });
is(v:set("romeo", card), true);
is(v:get("romeo"), card);
is(st.deserialize(v:get("romeo")):get_child_text("FN"), "Romeo & <Co>");
fails("unsupported-datatype", v.set, v, "romeo", { 1 });
fails("unsupported-datatype", v.set, v, "romeo", { name = "x", attr = {} });
fails("unsupported-datatype", v.set, v, "romeo", { name = 5 });
fails("unsupported-datatype", v.set, v, "romeo", { name = "vCard", attr = { xmlns = "vcard-temp" }, true });
local deep = { name = "x", attr = {} };
for _ = 1, 60 do deep = { name = "x", attr = {}, deep } end
is(v:set("juliet", { name = "vCard", attr = { xmlns = "vcard-temp" }, deep }), true);
is(v:get("juliet")[1][1].name, "x");
is(v:get("romeo"), card);
is(open("vcard", "map"):get("romeo", "name"), "vCard");
local users = {};
for user in v:users() do users[#users + 1] = user end
table.sort(users);
is(users, { "juliet", "romeo" });
is(v:set("romeo", nil), true);
is(v:get("romeo"), nil);

-- Private XML.
local p, all = open("private", "map"), open("private");
local bookmarks = { name = "storage", attr = { xmlns = "storage:bookmarks" },
	{ name = "conference", attr = { xmlns = "storage:bookmarks", jid = "a@b" }, { name = "nick", attr = { xmlns = "storage:bookmarks" }, "R" } } };
is(p:get("romeo", "storage:storage:bookmarks"), nil);
is(p:set("romeo", "storage:storage:bookmarks", bookmarks), true);
is(p:set("romeo", "x:urn:x", { name = "x", attr = { xmlns = "urn:x" }, "text" }), true);
is(p:get("romeo", "storage:storage:bookmarks"), bookmarks);
is(all:get("romeo"), { ["storage:storage:bookmarks"] = bookmarks, ["x:urn:x"] = { name = "x", attr = { xmlns = "urn:x" }, "text" } });
is(p:get("romeo", "no colon"), nil);
is(p:get("romeo", 5), nil);
fails("unsupported-datatype", p.set, p, "romeo", "no colon", bookmarks);
fails("unsupported-datatype", p.set, p, "romeo", "a:b", "text");
fails("unsupported-datatype", p.set, p, "romeo", 5, bookmarks);
is(p:set("romeo", "x:urn:x", nil), true);
is(all:get("romeo"), { ["storage:storage:bookmarks"] = bookmarks });
is(all:set("romeo", { ["x:urn:x"] = { name = "x", attr = { xmlns = "urn:x" } } }), true);
is(all:get("romeo"), { ["x:urn:x"] = { name = "x", attr = { xmlns = "urn:x" } } });
is(all:set("romeo", nil), true);
is(all:get("romeo"), nil);
fails("not-supported", all.users, all);

-- Accounts are shown, not changed.
local a = open("accounts");
is(a:get("romeo"), nil);
fails("not-supported", a.set, a, "romeo", { password = "x" });
fails("not-supported", open("accounts", "map").set, a, "romeo", "password", "x");
is(a:get("romeo"), nil);

-- What a registration had.
local d = open("account_details");
is(d:set("romeo", { registered = 1700000000, email = "r@example.org" }), true);
is(d:get("romeo"), { registered = 1700000000, email = "r@example.org" });
is(open("account_details", "map"):set("romeo", "name", "Romeo"), true);
is(d:get("romeo"), { registered = 1700000000, email = "r@example.org", name = "Romeo" });
fails("unsupported-datatype", d.set, d, "romeo", { x = {} });
fails("unsupported-datatype", d.set, d, "romeo", { "x" });

-- Block lists.
local b = open("blocklist");
is(b:set("romeo", { [false] = { created = 5 }, ["tybalt@example.org"] = true, ["spam.example"] = true }), true);
is(b:get("romeo"), { [false] = {}, ["tybalt@example.org"] = true, ["spam.example"] = true });
fails("unsupported-datatype", b.set, b, "romeo", { ["@@"] = true });
is(b:set("romeo", { [false] = {} }), true);
is(b:get("romeo"), { [false] = {} });

-- Preferences of the archive.
local f = open("archive_prefs");
for _, prefs in ipairs { { [false] = true }, { [false] = false, ["a@b"] = true }, { [false] = "roster", ["a@b"] = true, ["c@d"] = false } } do
	is(f:set("romeo", prefs), true);
	is(f:get("romeo"), prefs);
end
fails("unsupported-datatype", f.set, f, "romeo", { [false] = "sometimes" });
fails("unsupported-datatype", f.set, f, "romeo", { ["@@"] = true });

-- Rosters.
local r, rm = open("roster"), open("roster", "map");
is(r:get("romeo"), nil);
is(r:set("romeo", {
	[false] = { version = 1, pending = { ["paris@example.org"] = true } };
	["juliet@example.org"] = { subscription = "both", groups = { Friends = true, Verona = true }, name = "Juliet" };
	["nurse@example.org"] = { subscription = "none", ask = "subscribe", groups = {}, approved = true };
	["shared@example.org"] = { subscription = "both", groups = { All = true }, persist = false };
}), true);
local roster = r:get("romeo");
is(type(roster[false].version), "number");
is(roster[false].pending["paris@example.org"].attr, { type = "subscribe", from = "paris@example.org", to = "romeo@example.org" });
is(roster["juliet@example.org"], { subscription = "both", groups = { Friends = true, Verona = true }, name = "Juliet" });
is(roster["nurse@example.org"], { subscription = "none", ask = "subscribe", groups = {}, approved = true });
is(roster["shared@example.org"], nil);
is(roster["paris@example.org"], nil);

-- What rostermanager does after a change: one item, and what it notes.
roster["juliet@example.org"].name = "J";
roster[false].version = roster[false].version + 1;
is(rm:set_keys("romeo", { [false] = roster[false], ["juliet@example.org"] = roster["juliet@example.org"] }), true);
is(rm:get("romeo", "juliet@example.org"), { subscription = "both", groups = { Friends = true, Verona = true }, name = "J" });
is(rm:get("romeo", "nurse@example.org").ask, "subscribe");
is(rm:set_keys("romeo", { [false] = { pending = {} }, ["nurse@example.org"] = rm.remove }), true);
roster = r:get("romeo");
is(roster[false].pending, {});
is(roster["nurse@example.org"], nil);
is(roster["juliet@example.org"].name, "J");
is(rm:set("romeo", "paris@example.org", { subscription = "from", groups = {} }), true);
is(rm:set_keys("romeo", { [false] = { pending = { ["paris@example.org"] = stored(st.presence { type = "subscribe", from = "paris@example.org" }) } } }), true);
roster = r:get("romeo");
is(roster["paris@example.org"], { subscription = "from", groups = {} });
is(roster[false].pending["paris@example.org"], { name = "presence", attr = { type = "subscribe", from = "paris@example.org" } });
is(rm:set("romeo", "paris@example.org", nil), true);
roster = r:get("romeo");
is(roster["paris@example.org"], nil);
is(roster[false].pending["paris@example.org"].name, "presence");
users = {};
for user in r:users() do users[#users + 1] = user end
is(users, { "romeo" });
fails("unsupported-datatype", r.set, r, "romeo", { ["@@"] = { subscription = "both" } });
fails("unsupported-datatype", r.set, r, "romeo", { ["a@b"] = true });
is(r:set("romeo", nil), true);
roster = r:get("romeo");
is(roster[false].pending, {});
roster[false] = nil;
is(roster, {});

-- Archives of the server have nothing beside them.
local archive = open("archive", "archive");
local message = st.message({ from = "juliet@example.org/balcony", to = "romeo@example.org" }, "hello");
local id = assert(archive:append("romeo", nil, message, 1700000000, "juliet@example.org"));
fails("not-supported", archive.append, archive, "romeo", "my own", message, 1700000000, "x");
fails("not-supported", archive.set, archive, "romeo", id, message);
assert(archive:append("romeo", nil, message, 1700000001, "no <jid>"));
local n = 0;
for _, stanza, _, with in archive:find("romeo") do
	n = n + 1;
	is(stanza:get_child_text("body"), "hello");
	is(with, n == 1 and "juliet@example.org" or "");
end
is(n, 2);
