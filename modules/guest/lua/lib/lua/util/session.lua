-- SPDX-License-Identifier: Apache-2.0

-- The shape of a session.

local initialize_filters = require "util.filters".initialize;
local logger = require "util.logger";

local function new(kind)
	return { type = kind .. "_unauthed", base_type = kind };
end

local function set_id(session)
	local id = session.base_type .. tostring(session):match("%x+$"):lower();
	session.id = id;
	return session;
end

local function set_logger(session)
	session.log = logger.init(session.id);
	return session;
end

local function set_conn(session, conn)
	session.conn = conn;
	session.ip = conn:ip();
	return session;
end

local function set_send(session)
	local conn = session.conn;
	if not conn then
		function session.send(data)
			session.log("debug", "Discarding data sent to unconnected session: %s", data);
			return false;
		end
		return session;
	end
	local filter = initialize_filters(session);
	local write = conn.write;
	function session.send(data)
		if data then
			data = filter("stanzas/out", data);
			if data then data = filter("bytes/out", tostring(data)); end
			if data then
				local ok, err = write(conn, data);
				if not ok then return false, err; end
			end
		end
		return true;
	end
	return session;
end

return { new = new, set_id = set_id, set_logger = set_logger, set_conn = set_conn, set_send = set_send };
