-- SPDX-License-Identifier: Apache-2.0

-- Runs what modules want done each hour, day or week: the items "task" of the
-- host, { name, when, run, id }. The store "cron" has when each ran last, by its
-- id. It does what Prosody's module of that name does, but that a task that fails
-- keeps no others from being run, and that no host needs another for it.

local async = require "util.async";

local periods = { hourly = 3600; daily = 86400; weekly = 604800 };
local times = module:open_store("cron", "map");

local function added(event)
	local task = event.item;
	local period = periods[task.when];
	if not period then
		module:log("error", "Task %s is never run: it is to be run %s, not hourly, daily or weekly", task.id or task.name, task.when);
		return true;
	end
	task.name = task.name or task.when;
	task.id = task.id or (event.source and event.source.name or "module") .. "/" .. task.name:gsub("%W", "_"):lower();
	if task.last == nil then
		local now = os.time();
		-- What has never run is due at the end of the hour, day or week.
		task.last = times:get(nil, task.id) or now - now % period;
	end
	return true;
end

module:handle_items("task", added, function () return true; end);

local function run(task)
	local now = os.time();
	task:run(now);
	task.last = now;
	local ok, err = times:set(nil, task.id, now);
	if not ok then module:log("error", "Task %s may be run again too early: %s", task.id, err); end
end

-- Those that wait for something are waited for: one runs after the other.
local runner = async.runner(run, { error = function (_, err) module:log("error", "Task failed: %s", err); end });

module:add_timer(1, function ()
	local now = os.time();
	for _, task in ipairs(module:get_host_items("task")) do
		local period = periods[task.when];
		-- A little early is better than an hour late.
		if period and task.last + period * 0.995 <= now then runner:run(task); end
	end
	return 3600;
end);
