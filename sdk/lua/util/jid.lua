---@meta
-- SPDX-License-Identifier: Apache-2.0

-- Takes addresses apart. All take nil, and return nil for what is no JID.
local jid = {}

---@param jid? string
---@return string? localpart
---@return string? domainpart
---@return string? resourcepart
function jid.split(jid) end

---The same, prepared as RFC 7622 says.
---@param jid? string
---@return string? localpart
---@return string? domainpart
---@return string? resourcepart
function jid.prepped_split(jid) end

---@param jid? string
---@return string?
function jid.bare(jid) end

---@param jid? string
---@return string?
function jid.prep(jid) end

---@param localpart? string
---@param domainpart? string
---@param resourcepart? string
---@return string?
function jid.join(localpart, domainpart, resourcepart) end

---@param jid? string
---@return string?
function jid.node(jid) end

---@param jid? string
---@return string?
function jid.host(jid) end

---@param jid? string
---@return string?
function jid.resource(jid) end

---Whether a JID is what a rule says: the parts that the rule has must be equal.
---@param jid string
---@param rule string
---@return boolean
function jid.compare(jid, rule) end

---XEP-0106.
---@param text? string
---@return string?
function jid.escape(text) end

---@param text? string
---@return string?
function jid.unescape(text) end

return jid
