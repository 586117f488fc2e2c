---@meta
-- SPDX-License-Identifier: Apache-2.0

-- Mechanisms of SASL; the server itself does not use them.
local sasl = {}

---@param realm string
---@param profile table
---@return table
function sasl.new(realm, profile) end

---@param name string
---@param backends string[]
---@param f function
---@param channel_bindings? string[]
function sasl.registerMechanism(name, backends, f, channel_bindings) end

return sasl
