---@meta
-- SPDX-License-Identifier: Apache-2.0

-- XML.
local xml = {}

---@param text string
---@param options? table
---@return tercet.Stanza?
---@return string?
function xml.parse(text, options) end

return xml
