-- SPDX-License-Identifier: Apache-2.0
local v, st = require "util.vcard", require "util.stanza";
local text = "BEGIN:VCARD\nVERSION:3.0\nN:Doe;Joe;;;\nORG:Guild;Unit\\; one;Two\nCATEGORIES:a,b\\,c\nPHOTO;ENCODING=b;TYPE=PNG:aGk=\nURL:http://example.org\nEND:VCARD";
local card = v.from_text(text)[1];
eq(card[3], { name = "ORG", "Guild", "Unit; one", "Two" }, "units"); eq(card[4], { name = "CATEGORIES", "a", "b,c" }, "categories");
eq(v.to_text(card), text, "text there and back"); eq(v.to_text { card, card }, text .. "\n" .. text, "two cards");
local xml = v.to_xep54(card);
eq(xml:find("ORG/ORGUNIT#"), "Unit; one", "unit"); eq(xml:find("PHOTO/BINVAL#"), "aGk=", "photo"); eq(xml:find("PHOTO/TYPE#"), "image/png", "type");
eq(v.from_xep54(xml)[3], card[3], "and back"); eq(v.from_xep54(xml)[4], card[4], "and back");
local four = v.to_vcard4(card); eq(four:find("n/surname#"), "Doe", "surname"); eq(four:find("url/uri#"), "http://example.org", "url");
eq(v.from_text("BEGIN:VCARD\r\nitem1.FN:Long\r\n  name\r\nTEL;home;cell:1\r\nEND:VCARD")[1], { { name = "FN", "Long name" }, { name = "TEL", "1", TYPE = { "home", "cell" } } }, "folded");
eq(v.from_text("junk"), {}, "junk"); eq(v.from_xep54(st.stanza("vCard", { xmlns = "vcard-temp" })), {}, "empty");
