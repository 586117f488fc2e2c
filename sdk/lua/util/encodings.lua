---@meta
-- SPDX-License-Identifier: Apache-2.0

local encodings = { base64 = {}, stringprep = {}, idna = {}, utf8 = {} }

---@param data string
---@return string
function encodings.base64.encode(data) end

---@param text string
---@return string?
function encodings.base64.decode(text) end

---A localpart as it is compared; nil: it is none.
---@param text string
---@param strict? boolean
---@return string?
function encodings.stringprep.nodeprep(text, strict) end

---@param text string
---@param strict? boolean
---@return string?
function encodings.stringprep.nameprep(text, strict) end

---@param text string
---@param strict? boolean
---@return string?
function encodings.stringprep.resourceprep(text, strict) end

---@param text string
---@param strict? boolean
---@return string?
function encodings.stringprep.saslprep(text, strict) end

---@param domain string
---@return string?
function encodings.idna.to_ascii(domain) end

---@param domain string
---@return string?
function encodings.idna.to_unicode(domain) end

---@param text string
---@return boolean
function encodings.utf8.valid(text) end

---@param text string
---@return integer?
function encodings.utf8.length(text) end

return encodings
