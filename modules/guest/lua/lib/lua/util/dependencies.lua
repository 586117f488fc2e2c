-- SPDX-License-Identifier: Apache-2.0

-- Libraries that may be missing.

-- softreq returns a library, or nil and why it can not be loaded.
local function softreq(...)
	local ok, library = pcall(require, ...);
	if ok then return library; end
	return nil, library;
end

local function missingdep(name, sources, message)
	local log = require "util.logger".init("dependencies");
	log("error", "%s was not found%s", name, message and ": " .. message or "");
	for how, command in pairs(sources or {}) do log("error", "  %s: %s", how, command); end
end

-- All that the server itself needs is built in.
local function check_dependencies() return true; end
local function log_warnings() end

return {
	softreq = softreq;
	missingdep = missingdep;
	check_dependencies = check_dependencies;
	log_warnings = log_warnings;
};
