-- SPDX-License-Identifier: Apache-2.0

-- Which of a user's resources get what goes to the bare JID.

local function select_top_resources(user)
	local top, priority = nil, 0;
	for _, session in pairs(user.sessions) do
		if session.presence and session.priority and session.priority >= 0 then
			if not top or session.priority > priority then
				top, priority = { session }, session.priority;
			elseif session.priority == priority then
				top[#top + 1] = session;
			end
		end
	end
	return top or {};
end

local function recalc_resource_map(user)
	if user then
		local top = select_top_resources(user);
		user.top_resources = #top > 0 and top or nil;
	end
end

return { select_top_resources = select_top_resources, recalc_resource_map = recalc_resource_map };
