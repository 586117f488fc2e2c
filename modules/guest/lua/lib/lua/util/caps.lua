-- SPDX-License-Identifier: Apache-2.0

-- The verification string of entity capabilities (XEP-0115 section 5.1).

local base64 = require "util.encodings".base64.encode;
local sha1 = require "util.hashes".sha1;

local function sorted_join(list)
	table.sort(list);
	return table.concat(list);
end

-- calculate_hash returns hash and string for a disco#info query.
local function calculate_hash(disco_info)
	local identities, features, forms = {}, {}, {};
	for _, tag in ipairs(disco_info.tags) do
		if tag.name == "identity" then
			identities[#identities + 1] = table.concat({
				tag.attr.category or "", tag.attr.type or "", tag.attr["xml:lang"] or "", tag.attr.name or "";
			}, "/") .. "<";
		elseif tag.name == "feature" then
			features[#features + 1] = (tag.attr.var or "") .. "<";
		elseif tag.name == "x" and tag.attr.xmlns == "jabber:x:data" then
			local form_type, fields = "", {};
			for field in tag:childtags("field") do
				local values = {};
				for value in field:childtags("value") do values[#values + 1] = (value:get_text() or "") .. "<"; end
				if field.attr.var == "FORM_TYPE" then
					form_type = values[1] or "";
				else
					fields[#fields + 1] = (field.attr.var or "") .. "<" .. sorted_join(values);
				end
			end
			forms[#forms + 1] = form_type .. sorted_join(fields);
		end
	end
	local ver = sorted_join(identities) .. sorted_join(features) .. sorted_join(forms);
	return base64(sha1(ver)), ver;
end

return { calculate_hash = calculate_hash };
