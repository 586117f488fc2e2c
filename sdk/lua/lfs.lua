---@meta
-- SPDX-License-Identifier: Apache-2.0

-- Folders.
local lfs = {}

---@param path string
---@param what? string
---@return any
---@return string?
---@return integer?
function lfs.attributes(path, what) end

---@param path string
---@param what? string
---@return any
---@return string?
---@return integer?
function lfs.symlinkattributes(path, what) end

---@param path string
---@return function
---@return any
function lfs.dir(path) end

---@param path string
---@return boolean?
---@return string?
---@return integer?
function lfs.mkdir(path) end

---@param path string
---@return boolean?
---@return string?
---@return integer?
function lfs.rmdir(path) end

---@param path string
---@param accessed? number
---@param modified? number
---@return boolean?
---@return string?
function lfs.touch(path, accessed, modified) end

---@param old string
---@param new string
---@param symbolic? boolean
---@return boolean?
---@return string?
function lfs.link(old, new, symbolic) end

---@return string?
---@return string?
function lfs.currentdir() end

---@param path string
---@return boolean?
---@return string?
function lfs.chdir(path) end

return lfs
