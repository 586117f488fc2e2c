-- SPDX-License-Identifier: Apache-2.0

-- Filters of what a session sends and receives.

local hooks = {};

-- by_priority keeps a list sorted, the highest first; equals keep their order.
local function insert(list, priorities, item, priority)
	local at = #list + 1;
	for i = 1, #list do
		if priorities[list[i]] < priority then
			at = i;
			break;
		end
	end
	table.insert(list, at, item);
	priorities[item] = priority;
end

local function drop(list, item)
	for i = #list, 1, -1 do
		if list[i] == item then table.remove(list, i); end
	end
end

-- initialize gives a session its filter function, and tells the hooks.
local function initialize(session)
	if not session.filters then
		local filters = {};
		session.filters = filters;
		function session.filter(kind, data)
			local list = filters[kind];
			if list then
				for i = 1, #list do
					data = list[i](data, session);
					if data == nil then break; end
				end
			end
			return data;
		end
		for i = 1, #hooks do hooks[i](session); end
	end
	return session.filter;
end

local function add_filter(session, kind, callback, priority)
	if not session.filters then initialize(session); end
	local list = session.filters[kind];
	local priorities = session.filters[kind .. "%priorities"];
	if not list then
		list, priorities = {}, {};
		session.filters[kind] = list;
		session.filters[kind .. "%priorities"] = priorities;
	end
	if priorities[callback] then drop(list, callback); end
	insert(list, priorities, callback, priority or 0);
end

local function remove_filter(session, kind, callback)
	local list = session.filters and session.filters[kind];
	if list then
		drop(list, callback);
		session.filters[kind .. "%priorities"][callback] = nil;
		if #list == 0 then
			session.filters[kind], session.filters[kind .. "%priorities"] = nil, nil;
		end
	end
end

local function add_filter_hook(callback)
	hooks[#hooks + 1] = callback;
end

local function remove_filter_hook(callback)
	drop(hooks, callback);
end

return {
	initialize = initialize;
	add_filter = add_filter;
	remove_filter = remove_filter;
	add_filter_hook = add_filter_hook;
	remove_filter_hook = remove_filter_hook;
};
