-- SPDX-License-Identifier: Apache-2.0

-- XML streams of XMPP: calls back with stanza objects.

local lxp = require "lxp";
local st = require "util.stanza";
local stanza_mt = st.stanza_mt;

local ns_separator = "\1";
local ns_pattern = "^([^" .. ns_separator .. "]*)" .. ns_separator .. "?(.*)$";
local xmlns_xml = "http://www.w3.org/XML/1998/namespace";


-- split takes namespace and local name of the parser's name apart.
local function split(name)
	local ns, local_name = name:match(ns_pattern);
	if local_name == "" then return "", ns; end
	return ns, local_name;
end

-- new_sax_handlers returns callbacks for the parser, a function that forgets
-- what was begun, and one that changes the session. They call streamopened,
-- streamclosed, handlestanza and error of stream_callbacks, and progress with
-- how many bytes of a stanza have come.
local function new_sax_handlers(session, stream_callbacks, cb_handleprogress)
	local handlers = {};
	local cb_open, cb_closed, cb_stanza = stream_callbacks.streamopened, stream_callbacks.streamclosed, stream_callbacks.handlestanza;
	local cb_error = stream_callbacks.error or function (_, err) error("XML stream error: " .. tostring(err), 0); end;
	local stream_ns = stream_callbacks.stream_ns or "http://etherx.jabber.org/streams";
	local stream_name = stream_ns .. ns_separator .. (stream_callbacks.stream_tag or "stream");
	if stream_callbacks.stream_ns == "" then stream_name = stream_callbacks.stream_tag; end
	local default_ns = stream_callbacks.default_ns;
	local error_ns, error_name = stream_ns, stream_callbacks.error_tag or "error";

	local open, stanza = {}, nil; -- the elements around the innermost
	local depth_foreign = 0; -- how many of the open elements write their namespace down
	local text = {};
	local stream_lang;

	local function flush()
		if #text > 0 then
			if stanza then stanza[#stanza + 1] = table.concat(text); end
			text = {};
		end
	end

	function handlers:StartElement(name, attr)
		flush();
		local ns, local_name = split(name);
		if ns ~= default_ns or depth_foreign > 0 then
			attr.xmlns = ns;
			depth_foreign = depth_foreign + 1;
		end
		for i = 1, #attr do
			local key = attr[i];
			attr[i] = nil;
			local attr_ns, attr_name = key:match("^(.*)" .. ns_separator .. "(.*)$");
			if attr_ns == xmlns_xml then
				attr["xml:" .. attr_name] = attr[key];
				attr[key] = nil;
			end
		end
		if cb_handleprogress then cb_handleprogress(self:getcurrentbytecount()); end
		if stanza then
			local child = setmetatable({ name = local_name, attr = attr, tags = {} }, stanza_mt);
			open[#open + 1] = stanza;
			stanza[#stanza + 1] = child;
			stanza.tags[#stanza.tags + 1] = child;
			stanza = child;
		elseif session.notopen then
			if name == stream_name then
				depth_foreign = 0;
				attr.xmlns = nil;
				stream_lang = attr["xml:lang"];
				if cb_handleprogress then cb_handleprogress(0, true); end
				if cb_open then cb_open(session, attr); end
			else
				cb_error(session, "no-stream", name);
			end
		else
			if ns == "jabber:client" and local_name ~= "iq" and local_name ~= "presence" and local_name ~= "message" then
				cb_error(session, "invalid-top-level-element");
			end
			if not attr["xml:lang"] then attr["xml:lang"] = stream_lang; end
			stanza = setmetatable({ name = local_name, attr = attr, tags = {} }, stanza_mt);
		end
	end

	function handlers:EndElement()
		flush();
		if depth_foreign > 0 and (not stanza or stanza.attr.xmlns ~= nil) then depth_foreign = depth_foreign - 1; end
		if not stanza then
			if cb_closed then cb_closed(session); end
			return;
		end
		if #open > 0 then
			stanza = table.remove(open);
			return;
		end
		local done = stanza;
		stanza = nil;
		if cb_handleprogress then cb_handleprogress(0, true); end
		if done.name == error_name and done.attr.xmlns == error_ns then
			cb_error(session, "stream-error", done);
		elseif cb_stanza then
			cb_stanza(session, done);
		end
	end

	function handlers:CharacterData(data)
		if stanza then
			if cb_handleprogress then cb_handleprogress(self:getcurrentbytecount()); end
			text[#text + 1] = data;
		end
	end

	local function restricted(parser)
		cb_error(session, "parse-error", "restricted-xml", "Restricted XML, see RFC 6120 section 11.1.");
		if not parser.stop or not parser:stop() then error("Failed to abort parsing"); end
	end
	handlers.Comment = restricted;
	handlers.ProcessingInstruction = restricted;
	handlers.StartDoctypeDecl = restricted;

	local function reset()
		open, stanza, text, depth_foreign, stream_lang = {}, nil, {}, 0, nil;
	end
	local function set_session(_, new_session) session = new_session; end
	return handlers, { reset = reset, set_session = set_session };
end

-- new returns a stream that is fed with bytes.
local function new(session, stream_callbacks, stanza_size_limit)
	local pending, limit = 0, stanza_size_limit;
	local in_stanza = false;
	local function progress(_, done)
		if done then
			pending, in_stanza = 0, false;
		else
			in_stanza = true;
		end
	end
	local handlers, meta = new_sax_handlers(session, stream_callbacks, limit and progress);
	local options = { };
	for name, handler in pairs(handlers) do options[name] = handler; end
	local parser = lxp.new(options, ns_separator, false);
	local stream = {};

	function stream:reset()
		parser = lxp.new(options, ns_separator, false);
		pending, in_stanza = 0, false;
		meta.reset();
	end

	function stream:feed(data)
		if limit then
			pending = pending + #data;
			if pending > limit and in_stanza then return nil, "stanza-too-large"; end
		end
		local ok, err = parser:parse(data);
		if limit and not in_stanza then pending = parser:getcurrentbytecount(); end
		if limit and pending > limit then return nil, "stanza-too-large"; end
		return ok, err;
	end

	function stream:set_session(new_session) meta.set_session(nil, new_session); end
	function stream:set_stanza_size_limit(new_limit) limit = new_limit; end
	return stream;
end

return {
	ns_separator = ns_separator;
	ns_pattern = ns_pattern;
	new_sax_handlers = new_sax_handlers;
	new = new;
};
