---@meta
-- SPDX-License-Identifier: Apache-2.0

-- The words of HTTP for its codes: codes[404] is "Not Found".
local codes = {}

return codes
