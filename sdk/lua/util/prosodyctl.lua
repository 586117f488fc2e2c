---@meta
-- SPDX-License-Identifier: Apache-2.0

-- Commands in a terminal; only in module.command.
local prosodyctl = {}

---@param format string
---@param ... any
function prosodyctl.show_message(format, ...) end

---@param format string
---@param ... any
function prosodyctl.show_warning(format, ...) end

---@param usage string
---@param description? string
function prosodyctl.show_usage(usage, description) end

---@param name string
function prosodyctl.show_module_configuration_help(name) end

---@param count? integer
---@param file? any
---@return string?
function prosodyctl.getchar(count, file) end

---@return string?
function prosodyctl.getline() end

---@return string?
function prosodyctl.getpass() end

---@param prompt string
---@return boolean?
function prosodyctl.show_yesno(prompt) end

---@param prompt string
---@return string?
function prosodyctl.show_prompt(prompt) end

---@return string?
function prosodyctl.read_password() end

return prosodyctl
