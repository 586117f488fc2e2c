---@meta
-- SPDX-License-Identifier: Apache-2.0

-- The system.
local pposix = {}

---@return integer
function pposix.getpid() end

---@return integer
function pposix.getuid() end

---@return integer
function pposix.getgid() end

---@param path string
---@param mode? string
---@return boolean?
---@return string?
function pposix.mkdir(path, mode) end

---@param name string
---@param value? string
---@return boolean
function pposix.setenv(name, value) end

---@return table
function pposix.uname() end

---@param mask string
---@return string
function pposix.umask(mask) end

---@param resource string
---@return boolean?
---@return any
---@return any
function pposix.getrlimit(resource) end

---@return table<string, integer>
function pposix.meminfo() end

---@param file any
---@return boolean
function pposix.isatty(file) end

---@param file any
---@param text string
---@return boolean?
---@return string?
function pposix.atomic_append(file, text) end

return pposix
