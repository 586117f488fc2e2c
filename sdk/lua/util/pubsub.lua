---@meta
-- SPDX-License-Identifier: Apache-2.0

---@class tercet.PubSub
---@field events tercet.Events
---@field nodes table<string, table>
---@field config table
local object = {}

---@param node string
---@param actor string|true
---@param options? table
---@return boolean
---@return string?
function object:create(node, actor, options) end

---@param node string
---@param actor string|true
---@return boolean
---@return string?
function object:delete(node, actor) end

---@param node string
---@param actor string|true
---@param id string
---@param item any
---@param options? table
---@return boolean
---@return string?
function object:publish(node, actor, id, item, options) end

---@param node string
---@param actor string|true
---@param id string
---@param notify? boolean
---@return boolean
---@return string?
function object:retract(node, actor, id, notify) end

---@param node string
---@param actor string|true
---@param notify? boolean
---@return boolean
---@return string?
function object:purge(node, actor, notify) end

---@param node string
---@param actor string|true
---@param ids? string|string[]
---@param result? table
---@return boolean
---@return table|string
function object:get_items(node, actor, ids, result) end

---@param node string
---@param actor string|true
---@return boolean
---@return string?
---@return any
function object:get_last_item(node, actor) end

---@param actor string|true
---@return boolean
---@return table
function object:get_nodes(actor) end

---@param node string
---@param actor string|true
---@return boolean
---@return table|string
function object:get_node_config(node, actor) end

---@param node string
---@param actor string|true
---@param config table
---@return boolean
---@return string?
function object:set_node_config(node, actor, config) end

---@param node string
---@param actor string|true
---@param jid string
---@param options? table
---@return boolean
---@return string?
function object:add_subscription(node, actor, jid, options) end

---@param node string
---@param actor string|true
---@param jid string
---@return boolean
---@return string?
function object:remove_subscription(node, actor, jid) end

---@param node string
---@param actor string|true
---@param jid string
---@return boolean
---@return table|string
function object:get_subscription(node, actor, jid) end

---@param node? string
---@param actor string|true
---@param jid? string
---@return boolean
---@return table|string
function object:get_subscriptions(node, actor, jid) end

---@param node string
---@param actor string|true
---@param jid string
---@param affiliation? string
---@return boolean
---@return string?
function object:set_affiliation(node, actor, jid, affiliation) end

---@param node? string
---@param actor string|true
---@return boolean
---@return table|string
function object:get_affiliations(node, actor) end

-- Nodes with items, and who may do what with them.
local pubsub = {}

---@param config? table
---@return tercet.PubSub
function pubsub.new(config) end

return pubsub
