---@meta
-- SPDX-License-Identifier: Apache-2.0

---Stanzas from a text in XML, in which {name} stands for a value.
---@param text string
---@return {apply: fun(values: table<string, string>): tercet.Stanza}
local function template(text) end

return template
