-- SPDX-License-Identifier: Apache-2.0

-- vCards as text (RFC 2426) and as XML (XEP-0054, XEP-0292). A card is a list
-- of properties { name =, values..., PARAM = { values } }.

local st = require "util.stanza";

-- What a property has in XEP-0054: one text, the name of its one element, or
-- the names of several; and which of its TYPE parameters are elements.
local address_types = { "HOME", "WORK", "POSTAL", "PARCEL", "DOM", "INTL", "PREF" };
local layouts = {
	VERSION = "text"; FN = "text"; NICKNAME = "text"; BDAY = "text"; MAILER = "text"; TZ = "text"; TITLE = "text"; ROLE = "text"; NOTE = "text";
	PRODID = "text"; REV = "text"; ["SORT-STRING"] = "text"; UID = "text"; URL = "text"; JABBERID = "text"; DESC = "text";
	N = { values = { "FAMILY", "GIVEN", "MIDDLE", "PREFIX", "SUFFIX" } };
	ADR = { types = address_types; values = { "POBOX", "EXTADD", "STREET", "LOCALITY", "REGION", "PCODE", "CTRY" } };
	LABEL = { types = address_types; value = "LINE" };
	TEL = {
		types = { "HOME", "WORK", "VOICE", "FAX", "PAGER", "MSG", "CELL", "VIDEO", "BBS", "MODEM", "ISDN", "PCS", "PREF" };
		value = "NUMBER";
	};
	EMAIL = { types = { "HOME", "WORK", "INTERNET", "PREF", "X400" }; value = "USERID" };
	GEO = { values = { "LAT", "LON" } };
	ORG = { values = { "ORGNAME" }; repeats = "ORGUNIT" };
	CATEGORIES = { value = "KEYWORD"; all = true };
	PHOTO = { media = true }; LOGO = { media = true }; SOUND = { media = true }; KEY = { media = true };
};

local function escape(text)
	return (text:gsub("[\\,;\n]", { ["\\"] = "\\\\", [","] = "\\,", [";"] = "\\;", ["\n"] = "\\n" }));
end

local function unescape(text)
	return (text:gsub("\\(.)", function (c)
		if c == "n" or c == "N" then return "\n"; end
		return c;
	end));
end

-- split cuts at separators that no backslash stands before.
local function split(text, separator)
	local parts, current, i = {}, {}, 1;
	while i <= #text do
		local c = text:sub(i, i);
		if c == "\\" then
			current[#current + 1] = text:sub(i, i + 1);
			i = i + 1;
		elseif c == separator then
			parts[#parts + 1] = table.concat(current);
			current = {};
		else
			current[#current + 1] = c;
		end
		i = i + 1;
	end
	parts[#parts + 1] = table.concat(current);
	return parts;
end

-- from_text returns a list of cards.
local function from_text(data)
	data = data:gsub("\r\n", "\n"):gsub("\n[ \t]", "");
	local cards, card = {}, nil;
	for line in data:gmatch("[^\n]+") do
		local head, value = line:match("^([^:]+):(.*)$");
		local name = head and head:match("^[^;]+"):gsub("^.*%.", ""):upper();
		if name == "BEGIN" then
			card = {};
		elseif name == "END" then
			cards[#cards + 1] = card;
			card = nil;
		elseif name and card then
			local item = { name = name };
			for key, values in head:gmatch(";([^=;]+)=?([^;]*)") do
				if values == "" then key, values = "TYPE", key; end
				local list = item[key:upper()] or {};
				for v in values:gmatch("[^,]+") do list[#list + 1] = (v:gsub('^"(.*)"$', "%1")); end
				item[key:upper()] = list;
			end
			local layout = layouts[name];
			if type(layout) == "table" and (layout.values or layout.all) then
				for i, part in ipairs(split(value, layout.all and "," or ";")) do item[i] = unescape(part); end
			else
				item[1] = unescape(value);
			end
			card[#card + 1] = item;
		end
	end
	return cards;
end

local function item_to_text(item)
	local values = {};
	for i = 1, #item do values[i] = escape(item[i]); end
	local head = { item.name };
	local names = {};
	for key in pairs(item) do
		if type(key) == "string" and key ~= "name" then names[#names + 1] = key; end
	end
	table.sort(names);
	for _, key in ipairs(names) do
		local list = item[key];
		head[#head + 1] = key .. "=" .. (type(list) == "table" and table.concat(list, ",") or tostring(list));
	end
	local layout = layouts[item.name];
	return table.concat(head, ";") .. ":" .. table.concat(values, type(layout) == "table" and layout.all and "," or ";");
end

local function card_to_text(card)
	local lines = { "BEGIN:VCARD" };
	for _, item in ipairs(card) do lines[#lines + 1] = item_to_text(item); end
	lines[#lines + 1] = "END:VCARD";
	return table.concat(lines, "\n");
end

-- to_text takes one card or a list of cards.
local function to_text(cards)
	if cards[1] and cards[1].name then return card_to_text(cards); end
	local texts = {};
	for i, card in ipairs(cards) do texts[i] = card_to_text(card); end
	return table.concat(texts, "\n");
end

local function types_of(item)
	local types = {};
	local list = item.TYPE or {};
	for _, kind in ipairs(type(list) == "table" and list or { list }) do types[kind:upper()] = true; end
	return types;
end

local function item_to_xep54(item)
	local layout = layouts[item.name] or "text";
	local tag = st.stanza(item.name, { xmlns = "vcard-temp" });
	if layout == "text" then return tag:text(item[1] or ""); end
	local types = types_of(item);
	for _, kind in ipairs(layout.types or {}) do
		if types[kind] then tag:tag(kind):up(); end
	end
	if layout.media then
		local encoding = item.ENCODING and item.ENCODING[1]:lower();
		if encoding == "b" or encoding == "base64" then
			local kind = next(types);
			tag:text_tag("TYPE", kind and (kind:find("/") and kind:lower() or "image/" .. kind:lower()) or "application/octet-stream");
			return tag:text_tag("BINVAL", item[1] or "");
		end
		return tag:text_tag("EXTVAL", item[1] or "");
	end
	if layout.values then
		for i, name in ipairs(layout.values) do tag:text_tag(name, item[i] or ""); end
		for i = #layout.values + 1, layout.repeats and #item or 0 do tag:text_tag(layout.repeats, item[i]); end
		return tag;
	end
	for i = 1, layout.all and #item or 1 do tag:text_tag(layout.value, item[i] or ""); end
	return tag;
end

local function to_xep54(cards)
	if not (cards[1] and cards[1].name) then cards = cards[1] or {}; end
	local vcard = st.stanza("vCard", { xmlns = "vcard-temp" });
	for _, item in ipairs(cards) do vcard:add_child(item_to_xep54(item)); end
	return vcard;
end

local function text_of(tag, name)
	for child in tag:childtags() do
		if child.name == name then return child:get_text() or ""; end
	end
end

local function item_from_xep54(tag)
	local layout, item = layouts[tag.name] or "text", { name = tag.name };
	if layout == "text" then
		item[1] = tag:get_text() or "";
		return item;
	end
	for _, kind in ipairs(layout.types or {}) do
		if text_of(tag, kind) then
			item.TYPE = item.TYPE or {};
			table.insert(item.TYPE, kind:lower());
		end
	end
	if layout.media then
		local binary = text_of(tag, "BINVAL");
		if binary then
			item.ENCODING, item.TYPE = { "b" }, { (text_of(tag, "TYPE") or "") };
			item[1] = (binary:gsub("%s", ""));
		else
			item[1] = text_of(tag, "EXTVAL") or "";
		end
	elseif layout.values then
		for i, name in ipairs(layout.values) do item[i] = text_of(tag, name) or ""; end
		for child in tag:childtags() do
			if child.name == layout.repeats then item[#item + 1] = child:get_text() or ""; end
		end
	else
		for child in tag:childtags() do
			if child.name == layout.value and (layout.all or not item[1]) then item[#item + 1] = child:get_text() or ""; end
		end
	end
	return item;
end

-- from_xep54 returns one card.
local function from_xep54(vcard)
	local card = {};
	for tag in vcard:childtags() do card[#card + 1] = item_from_xep54(tag); end
	return card;
end

-- The elements of properties in XEP-0292 that are not <text/>.
local vcard4 = {
	N = { "surname", "given", "additional", "prefix", "suffix" };
	ADR = { "pobox", "ext", "street", "locality", "region", "code", "country" };
	URL = "uri"; PHOTO = "uri"; LOGO = "uri"; SOUND = "uri"; KEY = "uri"; UID = "uri"; GEO = "uri"; TZ = "text"; BDAY = "date"; REV = "timestamp";
	JABBERID = "uri";
};

local function to_vcard4(cards)
	if not (cards[1] and cards[1].name) then cards = cards[1] or {}; end
	local vcard = st.stanza("vcard", { xmlns = "urn:ietf:params:xml:ns:vcard-4.0" });
	for _, item in ipairs(cards) do
		local layout = vcard4[item.name] or "text";
		local tag = st.stanza(item.name == "JABBERID" and "impp" or item.name:lower(), { xmlns = "urn:ietf:params:xml:ns:vcard-4.0" });
		local types = {};
		for kind in pairs(types_of(item)) do types[#types + 1] = kind:lower(); end
		if #types > 0 and not (type(layouts[item.name]) == "table" and layouts[item.name].media) then
			table.sort(types);
			tag:tag("parameters"):tag("type");
			for _, kind in ipairs(types) do tag:text_tag("text", kind); end
			tag:reset();
		end
		if type(layout) == "table" then
			for i, name in ipairs(layout) do tag:text_tag(name, item[i] or ""); end
		else
			for i = 1, #item do tag:text_tag(layout, (item.name == "JABBERID" and "xmpp:" or "") .. item[i]); end
		end
		vcard:add_child(tag);
	end
	return vcard;
end

return { from_text = from_text, to_text = to_text, from_xep54 = from_xep54, to_xep54 = to_xep54, to_vcard4 = to_vcard4 };
