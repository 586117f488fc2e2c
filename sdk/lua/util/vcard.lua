---@meta
-- SPDX-License-Identifier: Apache-2.0

-- Cards (vCard 3, vcard-temp).
local vcard = {}

---@param text string
---@return table[]
function vcard.from_text(text) end

---@param cards table[]
---@return string
function vcard.to_text(cards) end

---@param vcard tercet.Stanza
---@return table[]
function vcard.from_xep54(vcard) end

---@param cards table[]
---@return tercet.Stanza
function vcard.to_xep54(cards) end

---@param cards table[]
---@return tercet.Stanza
function vcard.to_vcard4(cards) end

return vcard
