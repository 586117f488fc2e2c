---@meta
-- SPDX-License-Identifier: Apache-2.0

-- Result set management (XEP-0059).
local rsm = {}

---@type string
rsm.xmlns = nil

---@param set tercet.Stanza
---@return table
function rsm.parse(set) end

---@param rsm table
---@return tercet.Stanza
function rsm.generate(rsm) end

---What the set in a stanza says.
---@param stanza tercet.Stanza
---@return table?
function rsm.get(stanza) end

return rsm
