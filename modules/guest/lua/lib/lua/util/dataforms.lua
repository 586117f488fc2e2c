-- SPDX-License-Identifier: Apache-2.0

-- Data forms (XEP-0004), with datatypes (XEP-0122) and media (XEP-0221).

local st = require "util.stanza";
local jid_prep = require "util.jid".prep;
local datetime = require "util.datetime";

local xmlns = "jabber:x:data";
local xmlns_validate = "http://jabber.org/protocol/xdata-validate";
local xmlns_media = "urn:xmpp:media-element";

local form_methods = {};
local form_mt = { __index = form_methods };

local function new(layout) return setmetatable(layout, form_mt); end

-- Datatypes: how a value is read and written.
local datatypes = {};

local function bounded(n, field)
	local low, high = tonumber(field.range_min), tonumber(field.range_max);
	if (low and n < low) or (high and n > high) then return nil, "out of bounds"; end
	return n;
end

datatypes["xs:integer"] = {
	read = function (text, field)
		local n = tonumber(text);
		if not n then return nil, "not a number"; end
		if n % 1 ~= 0 then return nil, "not an integer"; end
		return bounded(n, field);
	end;
	write = function (n) return ("%d"):format(n); end;
};

datatypes["xs:dateTime"] = {
	read = function (text)
		local at = datetime.parse(text);
		if not at then return nil, "invalid timestamp"; end
		return at;
	end;
	write = function (at) return datetime.datetime(at); end;
};

datatypes["pubsub:integer-or-max"] = {
	read = function (text, field)
		if text == "max" then return "max"; end
		return datatypes["xs:integer"].read(text, field);
	end;
	write = function (n)
		if n == "max" or n == math.huge then return "max"; end
		return ("%d"):format(n);
	end;
};

local function as_text(field, value)
	local datatype = datatypes[field.datatype];
	if datatype and (type(value) == "number" or value == "max") then return datatype.write(value); end
	return tostring(value);
end

-- writers add the values of a field of some type to a form.
local writers = {};

local function write_value(form, text) form:tag("value"):text(text):up(); end

local function write_lines(form, _, value)
	if type(value) == "table" then value = table.concat(value, "\n"); end
	for line in tostring(value):gmatch("[^\r\n]+") do write_value(form, line); end
end

local function write_list(form, field, value)
	if type(value) ~= "table" then value = { value }; end
	for _, one in ipairs(value) do write_value(form, as_text(field, type(one) == "table" and one.value or one)); end
end

local function write_single(form, field, value)
	if type(value) == "table" then value = value.value; end
	write_value(form, as_text(field, value));
end

writers["boolean"] = function (form, _, value)
	write_value(form, (value == true or value == "true" or value == "1" or value == 1) and "1" or "0");
end;
writers["text-multi"] = write_lines;
writers["list-multi"] = write_list;
writers["jid-multi"] = write_list;

local function write_media(form, field)
	local media = field.media;
	form:tag("media", {
		xmlns = xmlns_media;
		width = media.width and ("%d"):format(media.width);
		height = media.height and ("%d"):format(media.height);
	});
	for _, uri in ipairs(media) do form:tag("uri", { type = uri.type }):text(uri.uri):up(); end
	form:up();
end

-- write_options adds what may be chosen, then what is chosen at first.
local function write_options(form, options, kind)
	local defaults = {};
	for _, option in ipairs(options) do
		local value, label = option, option;
		if type(option) == "table" then
			value, label = option.value, option.label;
			if option.default then defaults[#defaults + 1] = value; end
		end
		form:tag("option", { label = label }):tag("value"):text(value):up():up();
	end
	for i, value in ipairs(defaults) do
		if i == 1 or kind ~= "list-single" then write_value(form, value); end
	end
end

local function write_datatype(form, field)
	form:tag("validate", { xmlns = xmlns_validate, datatype = field.datatype });
	if field.range_min or field.range_max then
		local function limit(n) return n and ("%d"):format(n); end
		form:tag("range", { min = limit(field.range_min), max = limit(field.range_max) }):up();
	end
	form:up();
end

local function write_field(form, field, data, formtype)
	local kind = field.type or "text-single";
	local filled = formtype == "submit" or formtype == "result";
	local label = formtype ~= "submit" and field.label or nil;
	form:tag("field", { type = kind, var = field.var or field.name, label = label });
	if formtype ~= "submit" and field.desc then form:text_tag("desc", field.desc); end
	if formtype == "form" and field.datatype then write_datatype(form, field); end

	local value = field.value;
	if data and field.name and data[field.name] ~= nil then value = data[field.name]; end
	if not filled and (kind == "list-single" or kind == "list-multi") then
		if type(value) == "table" then -- a list is what may be chosen
			write_options(form, value, kind);
		elseif field.options and value ~= nil then
			local plain = {};
			for i, option in ipairs(field.options) do
				plain[i] = type(option) == "table" and { value = option.value, label = option.label } or option;
			end
			write_options(form, plain, kind);
			write_value(form, as_text(field, value));
		elseif field.options then
			write_options(form, field.options, kind);
		elseif value ~= nil then
			write_value(form, as_text(field, value));
		end
	elseif value ~= nil then
		(writers[kind] or write_single)(form, field, value);
	end
	if field.media then write_media(form, field); end
	if formtype == "form" and field.required then form:tag("required"):up(); end
	form:up();
end

-- form makes <x/> of the layout, with these values in place of its own.
function form_methods:form(data, formtype)
	formtype = formtype or "form";
	local form = st.stanza("x", { xmlns = xmlns, type = formtype });
	if formtype == "cancel" then return form; end
	if formtype ~= "submit" then
		if self.title then form:text_tag("title", self.title); end
		if self.instructions then form:text_tag("instructions", self.instructions); end
	end
	for _, field in ipairs(self) do write_field(form, field, data, formtype); end
	return form;
end

-- readers return the value of a field, or nil and what is wrong.
local readers = {};

local function read_text(tag, required)
	local text = tag:get_child_text("value");
	if (text == nil or text == "") and required then return nil, "Required value missing"; end
	return text;
end
readers["text-single"] = read_text;
readers["text-private"] = read_text;
readers["list-single"] = read_text;
readers["hidden"] = read_text;

readers["jid-single"] = function (tag, required)
	local text = tag:get_child_text("value");
	if text == nil or text == "" then
		if required then return nil, "Required value missing"; end
		if text == nil then return nil; end
	end
	local prepped = jid_prep(text);
	if not prepped then return nil, "Invalid JID: " .. text; end
	return prepped;
end

readers["jid-multi"] = function (tag, required)
	local list, problems = {}, {};
	for value in tag:childtags("value") do
		local text = value:get_text() or "";
		local prepped = jid_prep(text);
		if prepped then
			list[#list + 1] = prepped;
		else
			problems[#problems + 1] = "Invalid JID: " .. text;
		end
	end
	if #list > 0 then return list, problems[1] and table.concat(problems, "\n") or nil; end
	if problems[1] then return nil, table.concat(problems, "\n"); end
	if required then return nil, "Required value missing"; end
end

readers["list-multi"] = function (tag, required)
	local list = {};
	for value in tag:childtags("value") do list[#list + 1] = value:get_text() or ""; end
	if #list > 0 then return list; end
	if required then return nil, "Required value missing"; end
end

readers["text-multi"] = function (tag, required)
	local list, problem = readers["list-multi"](tag, required);
	if list then return table.concat(list, "\n"); end
	return nil, problem;
end

local booleans = { ["1"] = true, ["true"] = true, ["0"] = false, ["false"] = false };
readers["boolean"] = function (tag, required)
	local text = tag:get_child_text("value");
	if text == nil then
		if required then return nil, "Required value missing"; end
		return nil;
	end
	if booleans[text] == nil then return nil, "Invalid boolean representation:" .. text; end
	return booleans[text];
end

local function read_field(field, tag)
	local kind = field.type or tag.attr.type;
	local read = readers[kind];
	if not read then return nil; end
	local value, problem = read(tag, field.required);
	local datatype = datatypes[field.datatype];
	if datatype and value ~= nil then
		if type(value) == "table" then
			local list = {};
			for i, one in ipairs(value) do
				local read_one, why = datatype.read(one, field);
				if read_one == nil then return nil, why; end
				list[i] = read_one;
			end
			return list;
		end
		return datatype.read(value, field);
	end
	return value, problem;
end

-- data reads a form: values, what is wrong with them (or nil), and which
-- fields were there. Fields that are not there have the values of current.
function form_methods:data(form, current)
	local values, problems, present = {}, {}, {};
	for _, field in ipairs(self) do
		local name = field.name;
		local tag;
		for candidate in form:childtags("field") do
			if name and candidate.attr.var == (field.var or name) then
				tag = candidate;
				break;
			end
		end
		if tag then
			present[name] = true;
			values[name], problems[name] = read_field(field, tag);
		elseif name and current and current[name] ~= nil then
			values[name] = current[name];
		elseif field.required then
			problems[name] = "Required value missing";
		end
	end
	if next(problems) then return values, problems, present; end
	return values, nil, present;
end

-- get_type returns the FORM_TYPE of a form.
local function get_type(form)
	if not st.is_stanza(form) or form.name ~= "x" or form.attr.xmlns ~= xmlns then
		return nil, "not a dataform element";
	end
	for field in form:childtags("field") do
		if field.attr.var == "FORM_TYPE" then return field:get_child_text("value") or ""; end
	end
	return "";
end

return { new = new, get_type = get_type };
