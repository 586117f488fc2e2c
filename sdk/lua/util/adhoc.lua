---@meta
-- SPDX-License-Identifier: Apache-2.0

-- Handlers of ad-hoc commands with one form.
local adhoc = {}

---A handler for module:provides("adhoc").
---@param form tercet.Form
---@param handle fun(fields: table, errors?: table, data: table): table
---@return function
function adhoc.new_simple_form(form, handle) end

---@param form tercet.Form
---@param initial fun(data: table): table
---@param handle fun(fields: table, errors?: table, data: table): table
---@return function
function adhoc.new_initial_data_form(form, initial, handle) end

return adhoc
