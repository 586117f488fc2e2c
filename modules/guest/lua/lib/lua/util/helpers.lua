-- SPDX-License-Identifier: Apache-2.0

-- For those who look at a running server.

local log = require "util.logger".init("helpers");

-- log_events writes each event of an object down.
local function log_events(events, name, logger)
	local say = logger or log;
	name = name or tostring(events);
	local function wrapper(handlers, event_name, event_data)
		say("debug", "%s firing event: %s", name, event_name);
		return handlers(event_name, event_data);
	end
	events.add_wrapper(false, wrapper);
	events._helpers_wrapper = wrapper;
end

local function revert_log_events(events)
	if events._helpers_wrapper then
		events.remove_wrapper(false, events._helpers_wrapper);
		events._helpers_wrapper = nil;
	end
end

local function log_host_events(host)
	return log_events(prosody.hosts[host].events, host);
end

local function revert_log_host_events(host)
	return revert_log_events(prosody.hosts[host].events);
end

-- show_events lists the handlers of an object, or of one event.
local function show_events(events, specific_event)
	local lines = {};
	for event, handlers in pairs(events._event_map or events._handlers or {}) do
		if not specific_event or event == specific_event then
			lines[#lines + 1] = tostring(event);
			for handler, priority in pairs(type(handlers) == "table" and handlers or {}) do
				lines[#lines + 1] = ("  %s: %s"):format(tostring(priority), tostring(handler));
			end
		end
	end
	return table.concat(lines, "\n");
end

-- get_upvalue returns the upvalue of a function by its name.
local function get_upvalue(f, name)
	for i = 1, 255 do
		local found, value = debug.getupvalue(f, i);
		if not found then return nil; end
		if found == name then return value; end
	end
end

return {
	log_events = log_events;
	revert_log_events = revert_log_events;
	log_host_events = log_host_events;
	revert_log_host_events = revert_log_host_events;
	show_events = show_events;
	get_upvalue = get_upvalue;
};
