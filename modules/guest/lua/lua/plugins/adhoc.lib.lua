-- SPDX-License-Identifier: Apache-2.0

-- What modules require to make an ad-hoc command; the server runs it.

local M = {};

function M.new(name, node, handler, permission)
	if not permission then error("adhoc.new() expects a permission argument, none given"); end
	if permission == "user" then error('the permission mode "user" has been renamed "any", please update your code'); end
	return { name = name; node = node; handler = handler; permission = permission };
end

return M;
