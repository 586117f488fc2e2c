-- SPDX-License-Identifier: Apache-2.0

-- Statistics: what modules measure becomes metrics of the server.

local server = require "tercet.server";
local time = require "util.time";

local M = { cork = function () end; uncork = function () end; collect = function () prosody.events.fire_event("stats-update"); return true; end };

-- The old kinds of measures, as OpenMetrics has them.
local kinds = {
	amount = { "gauge" }; counter = { "gauge" }; rate = { "counter" };
	distribution = { "histogram", "" }; sizes = { "histogram", "bytes" };
	times = { "histogram", "seconds" }; duration = { "histogram", "seconds" };
};

-- measure returns a function that takes a value, or begins to take a time.
function M.measure(kind, name, conf, label, value)
	local made = kinds[kind] or kinds.amount;
	local metric = server.metric(made[1], "prosody_" .. name, "", conf and conf.unit or made[2], label and { [label] = value } or nil);
	if kind == "times" then
		return function ()
			local began = time.monotonic and time.monotonic() or time.now();
			return function () metric.sample((time.monotonic and time.monotonic() or time.now()) - began); end;
		end;
	elseif kind == "distribution" or kind == "sizes" or kind == "duration" then
		return metric.sample;
	elseif kind == "rate" then
		return function (n) metric.add(n or 1); end;
	elseif kind == "counter" then
		metric.set(conf and conf.initial or 0);
		return function (n) metric.add(n or 1); end;
	end
	metric.set(conf and conf.initial or 0);
	return metric.set;
end

local metric_methods = {};
local metric_mt = { __index = metric_methods };
function metric_methods:set(v) self.native.set(v); end
function metric_methods:add(v) self.native.add(v); end
function metric_methods:sample(v) self.native.sample(v); end

local family_methods = {};
local family_mt = { __index = family_methods };
function family_methods:with_labels(...)
	local labels = {};
	for k, v in pairs(self.labels) do labels[k] = v; end
	local n = self.given;
	for i = 1, select("#", ...) do labels[self.keys[n + i] or "label" .. i] = tostring((select(i, ...))); end
	local key = table.concat({ ... }, "\0");
	if not self.made[key] then
		self.made[key] = setmetatable({ native = server.metric(self.kind, self.name, self.description, self.unit, labels) }, metric_mt);
	end
	return self.made[key];
end
function family_methods:with_partial_label(value)
	local labels = {};
	for k, v in pairs(self.labels) do labels[k] = v; end
	labels[self.keys[self.given + 1]] = tostring(value);
	return setmetatable({ kind = self.kind; name = self.name; unit = self.unit; description = self.description; keys = self.keys; labels = labels; given = self.given + 1; made = {} }, family_mt);
end
function family_methods:clear()
	for _, metric in pairs(self.made) do
		if metric.native.set then metric:set(0); end
	end
end
for _, name in ipairs { "set", "add", "sample" } do
	family_methods[name] = function (self, v) local m = self:with_labels(); return m[name](m, v); end;
end

function M.metric(kind, name, unit, description, keys)
	return setmetatable({ kind = kind; name = name; unit = unit; description = description; keys = keys or {}; labels = {}; given = 0; made = {} }, family_mt);
end

function M.get_metric_registry() return { get_metric_families = function () return {}; end }; end

return M;
