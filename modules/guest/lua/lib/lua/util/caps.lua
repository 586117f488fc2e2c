-- SPDX-License-Identifier: Apache-2.0

-- The verification string of entity capabilities (XEP-0115 section 5.1).

local base64 = require "util.encodings".base64.encode;
local sha1 = require "util.hashes".sha1;

-- joined are parts in their order, each with "<" behind it. Inside of a part \0
-- stands for what separates, which must not count for the order.
local function joined(parts, separator)
	table.sort(parts);
	local text = table.concat(parts, "<"):gsub("%z", separator);
	return #parts > 0 and text .. "<" or "";
end

-- form_of is what a form adds: its type, and the fields with their values.
local function form_of(x)
	local form_type, fields = nil, {};
	for field in x:childtags("field") do
		local values = {};
		for value in field:childtags("value") do values[#values + 1] = value:get_text(); end
		table.sort(values);
		if field.attr.var == "FORM_TYPE" then
			form_type = values[1];
		elseif field.attr.var then
			fields[#fields + 1] = field.attr.var .. (#values > 0 and "\0" .. table.concat(values, "<") or "");
		end
	end
	table.sort(fields);
	return (form_type and form_type .. "\0" or "") .. table.concat(fields, "<");
end

-- calculate_hash returns hash and string for a disco#info query, or for the
-- list of what is in one.
local function calculate_hash(disco_info)
	local identities, features, forms = {}, {}, {};
	for _, tag in ipairs(disco_info) do
		if tag.name == "identity" then
			identities[#identities + 1] = table.concat({
				tag.attr.category or "", tag.attr.type or "", tag.attr["xml:lang"] or "", tag.attr.name or "";
			}, "\0");
		elseif tag.name == "feature" then
			features[#features + 1] = tag.attr.var or "";
		elseif tag.name == "x" and tag.attr.xmlns == "jabber:x:data" then
			forms[#forms + 1] = form_of(tag);
		end
	end
	local ver = joined(identities, "/") .. joined(features, "") .. joined(forms, "<");
	return base64(sha1(ver)), ver;
end

return { calculate_hash = calculate_hash };
