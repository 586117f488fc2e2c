---@meta
-- SPDX-License-Identifier: Apache-2.0

-- Words of a command.
local argparse = {}

---@param words string[]
---@param config? table
---@return table?
---@return string?
---@return string?
function argparse.parse(words, config) end

return argparse
