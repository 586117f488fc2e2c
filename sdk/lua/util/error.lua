---@meta
-- SPDX-License-Identifier: Apache-2.0

---@class tercet.Error
---@field type "auth"|"cancel"|"continue"|"modify"|"wait"
---@field condition string
---@field text? string
---@field code? integer a status of HTTP
---@field extra? table
---@field context? table
---@field source? string

-- Errors that have a type, a condition and a text: what a stanza error says.
local error = {}

---Makes one; of what is an error already it makes no other.
---@param what string|table
---@param context? table
---@param registry? table
---@param source? string
---@return tercet.Error
function error.new(what, context, registry, source) end

---A maker of the errors in a registry: {name = {type, condition, text}}.
---@param source string
---@param namespace? string|table
---@param registry? table
---@return {new: fun(what: string, context?: table): tercet.Error, coerce: fun(ok: any, err: any): any}
function error.init(source, namespace, registry) end

---What a function has returned, with its second value made an error if the first is nil or false.
---@param ok any
---@param err any
---@param ... any
---@return any
---@return tercet.Error?
function error.coerce(ok, err, ...) end

---@param value any
---@return boolean
function error.is_error(value) end

---@param value any
---@return boolean
function error.is_err(value) end

---@param stanza tercet.Stanza
---@param context? table
---@param source? string
---@return tercet.Error
function error.from_stanza(stanza, context, source) end

---@param options {auto_inject_traceback?: boolean}
function error.configure(options) end

return error
