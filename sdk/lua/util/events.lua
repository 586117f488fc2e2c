---@meta
-- SPDX-License-Identifier: Apache-2.0

-- Events and their handlers, as prosody.events has them.
local events = {}

---@return tercet.Events
function events.new() end

return events
