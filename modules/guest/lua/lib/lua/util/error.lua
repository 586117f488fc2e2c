-- SPDX-License-Identifier: Apache-2.0

-- Errors as objects: type, condition, text, code, context, extra.

local id = require "util.id";
local st; -- util.stanza, when it is first needed

local error_mt = { __name = "error" };
function error_mt:__tostring()
	return ("error<%s:%s:%s>"):format(self.type, self.condition, self.text or "");
end

local function is_error(v) return getmetatable(v) == error_mt; end

local with_traceback = false;

local function configure(options)
	if options.auto_inject_traceback ~= nil then with_traceback = options.auto_inject_traceback; end
end

-- new makes an error of a template, a string that names one in a registry, or
-- of anything else, which is kept in the context.
local function new(what, context, registry, source)
	if is_error(what) then return what; end
	local template = what;
	if type(template) == "string" then
		context = context or {};
		template = registry and registry[template];
		if not template then template = { }; end
	elseif type(template) ~= "table" then
		template = registry and registry[template] or { };
	end
	context = context or {};
	if with_traceback and not context.traceback then
		context.traceback = debug.traceback("error stack", 2);
	end
	return setmetatable({
		type = template.type or "cancel";
		condition = template.condition or "undefined-condition";
		text = template.text;
		code = template.code;
		context = context;
		extra = template.extra;
		source = source;
		instance_id = id.short();
	}, error_mt);
end

-- coerce passes results on; after nil or false it makes the error an object.
local function coerce(ok, err, ...)
	if ok or is_error(err) then return ok, err, ...; end
	return nil, new("undefined", { wrapped_error = err });
end

-- compact turns the short form { type, condition, text, name } into the long.
local function compact(registry, namespace)
	local expanded = {};
	for name, template in pairs(registry) do
		if template[1] and template[2] then
			local extra = template.extra;
			if namespace and template[4] then
				extra = { namespace = namespace, condition = template[4] };
			end
			template = {
				type = template[1]; condition = template[2]; text = template[3]; code = template.code; extra = extra;
			};
		end
		expanded[name] = template;
	end
	return expanded;
end

-- init makes a registry of templates: init(source, [namespace,] templates).
local function init(source, namespace, registry)
	if type(namespace) == "table" then
		registry, namespace = namespace, nil;
	end
	local long = compact(registry, namespace);
	local function new_here(name, context) return new(name, context, long, source); end
	local function wrap(err, context)
		context = context or {};
		context.wrapped_error = err;
		return new_here(err, context);
	end
	return {
		source = source;
		registry = long;
		new = new_here;
		wrap = wrap;
		coerce = function (ok, err, ...)
			if ok or is_error(err) then return ok, err, ...; end
			return nil, wrap(err);
		end;
		is_error = is_error;
		is_err = is_error;
	};
end

local function from_stanza(stanza, context, source)
	st = st or require "util.stanza";
	local kind, condition, text, extra_tag = stanza:get_error();
	local error_tag = stanza:get_child("error");
	context = context or {};
	context.stanza = stanza;
	context.by = error_tag and error_tag.attr.by or stanza.attr.from;
	local uri;
	if condition == "gone" or condition == "redirect" then
		local found = error_tag:get_child(condition, "urn:ietf:params:xml:ns:xmpp-stanzas");
		uri = found and found:get_text();
	end
	local extra;
	if uri or extra_tag then extra = { uri = uri, tag = extra_tag }; end
	return new({
		type = kind; condition = condition or "undefined-condition"; text = text; extra = extra;
	}, context, nil, source);
end

return {
	new = new;
	init = init;
	coerce = coerce;
	is_error = is_error;
	is_err = is_error;
	from_stanza = from_stanza;
	configure = configure;
};
