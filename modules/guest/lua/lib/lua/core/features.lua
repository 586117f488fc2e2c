-- SPDX-License-Identifier: Apache-2.0

-- What the server can do, for modules that ask by a header line or in code.

return {
	available = require "util.set".new {
		-- libraries and callbacks that modules look for
		"mod_bookmarks",
	};
};
