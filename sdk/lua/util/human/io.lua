---@meta
-- SPDX-License-Identifier: Apache-2.0

-- Talking to people in a terminal; only in module.command.
local io = {}

---@param count? integer
---@param file? any
---@return string?
function io.getchar(count, file) end

---@return string?
function io.getline() end

---@return string?
function io.getpass() end

---@param prompt string
---@return boolean?
function io.show_yesno(prompt) end

---@param prompt string
---@return string?
function io.show_prompt(prompt) end

---@return string?
function io.read_password() end

---@param format string
---@param ... any
function io.printf(format, ...) end

---@param text string
---@param columns integer
---@return string
function io.padleft(text, columns) end

---@param text string
---@param columns integer
---@return string
function io.padright(text, columns) end

---@param text string
---@param columns integer
---@return string
function io.ellipsis(text, columns) end

---@param columns table[]
---@param width? integer
---@return fun(row?: table): string
function io.table(columns, width) end

return io
