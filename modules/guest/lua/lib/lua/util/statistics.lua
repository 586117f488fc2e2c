-- SPDX-License-Identifier: Apache-2.0

-- Counters and their kin, kept in memory: what is measured can be asked for.


local function label_key(values)
	return table.concat(values, "\1");
end

-- A metric has set, add, sample and value; a distribution has count, sum,
-- min and max too.
local metric_methods = {};
metric_methods.__index = metric_methods;
function metric_methods:set(value) self.value = value; end
function metric_methods:add(delta) self.value = self.value + delta; end
function metric_methods:sample(value)
	self.count = self.count + 1;
	self.sum = self.sum + value;
	self.value = value;
	if self.count == 1 or value < self.min then self.min = value; end
	if self.count == 1 or value > self.max then self.max = value; end
end
function metric_methods:reset() self.value, self.count, self.sum, self.min, self.max = 0, 0, 0, nil, nil; end
function metric_methods:iter_samples()
	local done = false;
	return function ()
		if not done then
			done = true;
			return "", {}, self.value;
		end
	end;
end

local function new_metric()
	return setmetatable({ value = 0, count = 0, sum = 0 }, metric_methods);
end

-- A family has one metric for each list of values of its labels.
local family_methods = {};
family_methods.__index = family_methods;
function family_methods:with_labels(...)
	local values = {};
	for i = 1, select("#", ...) do values[i] = tostring((select(i, ...))); end
	local key = label_key(values);
	local metric = self.metrics[key];
	if not metric then
		metric = new_metric();
		metric.labels = values;
		self.metrics[key] = metric;
	end
	return metric;
end
function family_methods:with_partial_label(value)
	local family = self;
	return { with_labels = function (_, ...) return family:with_labels(value, ...); end };
end
function family_methods:clear() self.metrics = {}; end
function family_methods:iter_metrics()
	local key, metric;
	return function ()
		key, metric = next(self.metrics, key);
		if key then return metric.labels, metric; end
	end;
end
for _, name in ipairs { "set", "add", "sample" } do
	family_methods[name] = function (self, value) return self:with_labels()[name](self:with_labels(), value); end;
end

local function new()
	local families = {};
	local registry = {};
	local function family_of(kind)
		return function (_, name, unit, description, label_keys, extra)
			local family = families[name];
			if not family then
				family = setmetatable({
					type_ = kind; name = name; unit = unit; description = description; label_keys = label_keys or {}; extra = extra; metrics = {};
				}, family_methods);
				families[name] = family;
			end
			return family;
		end;
	end
	for _, kind in ipairs { "gauge", "counter", "histogram", "summary" } do registry[kind] = family_of(kind); end
	function registry:get_metric_families() return families; end
	return { metric_registry = registry };
end

return { new = new };
