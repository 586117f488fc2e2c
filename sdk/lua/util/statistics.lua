---@meta
-- SPDX-License-Identifier: Apache-2.0

-- Metrics in memory.
local statistics = {}

---@return table
function statistics.new() end

return statistics
