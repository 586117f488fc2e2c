---@meta
-- SPDX-License-Identifier: Apache-2.0

-- Functions that all stanzas and bytes of a session pass.
local filters = {}

---@param session tercet.Session
function filters.initialize(session) end

---The callback returns what goes on; nil drops it.
---@param session tercet.Session
---@param kind "stanzas/in"|"stanzas/out"|"bytes/in"|"bytes/out"
---@param callback fun(data: any, session: tercet.Session): any
---@param priority? number
function filters.add_filter(session, kind, callback, priority) end

---@param session tercet.Session
---@param kind string
---@param callback function
function filters.remove_filter(session, kind, callback) end

---Called for each session that begins.
---@param callback fun(session: tercet.Session)
function filters.add_filter_hook(callback) end

---@param callback function
function filters.remove_filter_hook(callback) end

return filters
