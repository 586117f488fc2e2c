---@meta
-- SPDX-License-Identifier: Apache-2.0

-- Encrypted tokens.
local paseto = {}

---@type {encrypt: fun(payload: table, key: string, footer?: string, implicit?: string): string, decrypt: fun(token: string, key: string, footer?: string, implicit?: string): table?, string?, new_key: fun(): string, init: fun(key: string, options?: table): function, function}
paseto.v3_local = nil

return paseto
