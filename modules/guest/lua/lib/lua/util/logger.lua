-- SPDX-License-Identifier: Apache-2.0

-- Loggers. What they say goes to sinks; the server adds one of its own.

local format = require "util.format".format;
local level_sinks = {};
local all_levels = { "debug", "info", "warn", "error" };

local function make_logger(source, level)
	local sinks = level_sinks[level];
	if not sinks then
		sinks = {};
		level_sinks[level] = sinks;
	end
	return function (message, ...)
		local text;
		for i = 1, #sinks do
			local sink = sinks[i];
			if sink.raw then
				sink.raw(source, level, message, ...);
			else
				text = text or format(message, ...);
				sink.simple(source, level, text);
			end
		end
	end;
end

-- init returns a function log(level, format, ...).
local function init(name)
	local by_level = {};
	for _, level in ipairs(all_levels) do by_level[level] = make_logger(name, level); end
	return function (level, message, ...)
		local log = by_level[level] or by_level.debug;
		return log(message, ...);
	end;
end

local function add(level, sink)
	level_sinks[level] = level_sinks[level] or {};
	table.insert(level_sinks[level], sink);
end

-- add_level_sink has (source, level, format, ...) passed to a function.
local function add_level_sink(level, sink)
	add(level, { raw = sink });
end

-- add_simple_sink has (source, level, text) passed to a function.
local function add_simple_sink(sink, levels)
	for _, level in ipairs(levels or all_levels) do add(level, { simple = sink }); end
end

-- reset takes all sinks away.
local function reset()
	for _, sinks in pairs(level_sinks) do
		for i = #sinks, 1, -1 do sinks[i] = nil; end
	end
end

return {
	init = init;
	new = init;
	make_logger = make_logger;
	add_level_sink = add_level_sink;
	add_simple_sink = add_simple_sink;
	reset = reset;
};
