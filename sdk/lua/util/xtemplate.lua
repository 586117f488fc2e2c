---@meta
-- SPDX-License-Identifier: Apache-2.0

-- Texts made of stanzas.
local xtemplate = {}

---@param template string
---@param root tercet.Stanza
---@param escape? fun(text: string): string
---@param filters? table<string, function>
---@return string
function xtemplate.render(template, root, escape, filters) end

return xtemplate
