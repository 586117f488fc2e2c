---@meta
-- SPDX-License-Identifier: Apache-2.0

---@class tercet.FormField
---@field name string
---@field var? string the name in XML, where that is another
---@field type? "boolean"|"fixed"|"hidden"|"jid-multi"|"jid-single"|"list-multi"|"list-single"|"text-multi"|"text-private"|"text-single"
---@field label? string
---@field desc? string
---@field value? any
---@field required? boolean
---@field options? (string|{label: string, value: string, default?: boolean})[]
---@field datatype? string such as "xs:integer"
---@field range_min? number
---@field range_max? number

---A layout: a list of fields, with a title and instructions.
---@class tercet.Form
---@field title? string
---@field instructions? string
---@field [integer] tercet.FormField
local form = {}

---@param values? table<string, any>
---@param kind? "form"|"submit"|"cancel"|"result"
---@return tercet.Stanza
function form:form(values, kind) end

---What was filled in, what is wrong with it, and which fields there were.
---@param form tercet.Stanza
---@param current? table<string, any>
---@return table<string, any>
---@return table<string, string>?
---@return table<string, boolean>?
function form:data(form, current) end

-- Data forms (XEP-0004).
local dataforms = {}

---@param layout table
---@return tercet.Form
function dataforms.new(layout) end

---What FORM_TYPE says.
---@param form tercet.Stanza
---@return string?
function dataforms.get_type(form) end

return dataforms
