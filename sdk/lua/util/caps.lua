---@meta
-- SPDX-License-Identifier: Apache-2.0

-- Entity capabilities (XEP-0115).
local caps = {}

---@param disco_info tercet.Stanza
---@return string
---@return string
function caps.calculate_hash(disco_info) end

return caps
