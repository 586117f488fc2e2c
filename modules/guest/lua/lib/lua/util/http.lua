-- SPDX-License-Identifier: Apache-2.0

-- Percent encoding, forms, and pieces of HTTP headers.

local char, format = string.char, string.format;

local escaped = {};
local plain = {};
for c = 0, 255 do
	local lower, upper = format("%%%02x", c), format("%%%02X", c);
	escaped[char(c)] = lower;
	plain[lower], plain[upper] = char(c), char(c);
	plain[format("%%%x%X", (c - c % 16) / 16, c % 16)] = char(c);
	plain[format("%%%X%x", (c - c % 16) / 16, c % 16)] = char(c);
end

local function urlencode(s)
	return s and (s:gsub("[^%w%-%._~]", escaped));
end

local function urldecode(s)
	return s and (s:gsub("%%%x%x", plain));
end

local function form_escape(s)
	return (urlencode(s):gsub("%%20", "+"));
end

-- formencode writes a table of fields, or a list of {name=, value=}.
local function formencode(form)
	local pairs_of = {};
	if form[1] then
		for _, field in ipairs(form) do
			pairs_of[#pairs_of + 1] = form_escape(field.name) .. "=" .. form_escape(field.value);
		end
	else
		for name, value in pairs(form) do
			pairs_of[#pairs_of + 1] = form_escape(name) .. "=" .. form_escape(value);
		end
	end
	return table.concat(pairs_of, "&");
end

-- formdecode returns a list of {name=, value=} that has each value by its name
-- too. What is no form is returned as it came.
local function formdecode(s)
	if not s:find("=", 1, true) then return urldecode(s); end
	local form = {};
	for name, value in s:gmatch("([^=&]*)=([^&]*)") do
		name, value = urldecode((name:gsub("%+", " "))), urldecode((value:gsub("%+", " ")));
		form[#form + 1] = { name = name, value = value };
		form[name] = value;
	end
	return form;
end

-- contains_token reports whether a header's list has a token.
local function contains_token(field, token)
	field = "," .. field:gsub("[ \t]", ""):lower() .. ",";
	return field:find("," .. token:lower() .. ",", 1, true) ~= nil;
end

-- normalize_path gives a path one slash at its begin, and at its end one or
-- none.
local function normalize_path(path, is_dir)
	if is_dir then
		if path:sub(-1, -1) ~= "/" then path = path .. "/"; end
	elseif path:sub(-1, -1) == "/" then
		path = path:sub(1, -2);
	end
	if path:sub(1, 1) ~= "/" then path = "/" .. path; end
	return path;
end

-- parse_forwarded reads a Forwarded header (RFC 7239) into a list of tables.
local function parse_forwarded(header)
	if type(header) ~= "string" then return nil; end
	local rest = header:gsub("\\.", ""):gsub('"[^"]*"', ""):gsub("%s*;%s*", ";");
	if rest:find('"') then return nil; end
	local list, current = {}, {};
	for element in (header .. ","):gmatch("%s*([^,]*)%s*,") do
		current = {};
		for name, quoted, value in element:gmatch("(%w+)%s*=%s*(\"?)([^,;\"]*)\"?") do
			current[name:lower()] = quoted ~= "" and value or value;
		end
		list[#list + 1] = current;
	end
	return list;
end

return {
	urlencode = urlencode;
	urldecode = urldecode;
	formencode = formencode;
	formdecode = formdecode;
	contains_token = contains_token;
	normalize_path = normalize_path;
	parse_forwarded = parse_forwarded;
};
