---@meta
-- SPDX-License-Identifier: Apache-2.0

-- The resources of an account.
local presence = {}

---@param user table
---@return tercet.Session[]?
function presence.select_top_resources(user) end

---@param user table
function presence.recalc_resource_map(user) end

return presence
