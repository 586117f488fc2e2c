---@meta
-- SPDX-License-Identifier: Apache-2.0

-- Makes stanzas.
local st = {}

---@param name string
---@param attr? table<string, string?>
---@param namespaces? table<string, string>
---@return tercet.Stanza
function st.stanza(name, attr, namespaces) end

---@param attr? table<string, string?>
---@param body? string
---@return tercet.Stanza
function st.message(attr, body) end

---@param attr table<string, string?> with id and type
---@return tercet.Stanza
function st.iq(attr) end

---@param attr? table<string, string?>
---@return tercet.Stanza
function st.presence(attr) end

---An answer: to and from are swapped, the type of an iq is result.
---@param stanza tercet.Stanza
---@return tercet.Stanza
function st.reply(stanza) end

---An error for who has sent the stanza. Do not answer what is an error itself.
---@param stanza tercet.Stanza
---@param type "auth"|"cancel"|"continue"|"modify"|"wait"|table or an object of util.error
---@param condition? string such as "not-allowed", of RFC 6120 8.3.3
---@param text? string
---@param by? string
---@return tercet.Stanza
function st.error_reply(stanza, type, condition, text, by) end

---@param stanza tercet.Stanza
---@param only_top? boolean
---@return tercet.Stanza
function st.clone(stanza, only_top) end

---@param value any
---@return boolean
function st.is_stanza(value) end

---A table that a store can keep.
---@param stanza tercet.Stanza
---@return table
function st.preserialize(stanza) end

---@param data table
---@return tercet.Stanza
function st.deserialize(data) end

---@param text string
---@return string
function st.xml_escape(text) end

---With colours of a terminal.
---@param stanza tercet.Stanza
---@return string
function st.pretty_print(stanza) end

return st
