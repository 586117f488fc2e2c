---@meta
-- SPDX-License-Identifier: Apache-2.0

-- Metrics of the server.
local statsmanager = {}

---@param kind string
---@param name string
---@param config? table
---@return function
function statsmanager.measure(kind, name, config) end

---@param kind string
---@param name string
---@param unit? string
---@param description? string
---@param labels? string[]
---@return table
function statsmanager.metric(kind, name, unit, description, labels) end

function statsmanager.cork() end

function statsmanager.uncork() end

function statsmanager.collect() end

---@return table
function statsmanager.get_metric_registry() end

return statsmanager
