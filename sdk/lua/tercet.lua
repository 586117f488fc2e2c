---@meta
-- SPDX-License-Identifier: Apache-2.0

-- What a module in Lua finds when it runs: the globals module, prosody, hosts
-- and log, and the objects that go through its hands. An editor with
-- lua-language-server reads this file; no server does. Libraries that are
-- required are in the folders util, core and net beside it.

---An element of XML, and above all a stanza. The list part holds its children,
---texts and elements. It may be changed in place.
---@class tercet.Stanza
---@field name string
---@field attr table<string, string> `xmlns` is the namespace; it is nil in the stream's own, jabber:client
---@field tags tercet.Stanza[] the children that are elements
---@field [integer] string|tercet.Stanza
local stanza = {}

---Adds a child element and goes into it, until `up`.
---@param name string
---@param attr? table<string, string?>
---@param namespaces? table<string, string>
---@return tercet.Stanza
function stanza:tag(name, attr, namespaces) end

---Leaves the element that `tag` went into.
---@return tercet.Stanza
function stanza:up() end

---Leaves all elements that `tag` went into.
---@return tercet.Stanza
function stanza:reset() end

---@return boolean
function stanza:at_top() end

---Adds a text; nil and "" add nothing.
---@param text? string
---@return tercet.Stanza
function stanza:text(text) end

---Adds a child that has a text.
---@param name string
---@param text? string
---@param attr? table<string, string?>
---@return tercet.Stanza
function stanza:text_tag(name, text, attr) end

---Adds `<query xmlns='...'/>` and goes into it.
---@param xmlns string
---@return tercet.Stanza
function stanza:query(xmlns) end

---Adds a body.
---@param text? string
---@param attr? table<string, string?>
---@return tercet.Stanza
function stanza:body(text, attr) end

---Adds a child where `tag` has gone to.
---@param child tercet.Stanza|string
---@return tercet.Stanza
function stanza:add_child(child) end

---Adds a child of the top element.
---@param child tercet.Stanza|string
---@return tercet.Stanza
function stanza:add_direct_child(child) end

---The first child with that name and namespace. A name that is nil is any, a
---namespace that is nil is the parent's.
---@param name? string
---@param xmlns? string
---@return tercet.Stanza?
function stanza:get_child(name, xmlns) end

---The text of that child.
---@param name? string
---@param xmlns? string
---@return string?
function stanza:get_child_text(name, xmlns) end

---@param name string
---@param xmlns? string
---@param attr string
---@return string?
function stanza:get_child_attr(name, xmlns, attr) end

---@param name string
---@param xmlns? string
---@param attr string
---@param value string
---@param normalise? fun(value: string): string?
---@return tercet.Stanza?
function stanza:get_child_with_attr(name, xmlns, attr, value, normalise) end

---@param name string
---@return tercet.Stanza?
function stanza:child_with_name(name) end

---@param xmlns string
---@return tercet.Stanza?
function stanza:child_with_ns(xmlns) end

---All children, texts too.
---@return fun(): (string|tercet.Stanza)?
function stanza:children() end

---The children that are elements, maybe with a name and a namespace only.
---@param name? string
---@param xmlns? string
---@return fun(): tercet.Stanza?
function stanza:childtags(name, xmlns) end

---Replaces each child element by what the function returns; nil removes it.
---@param callback fun(child: tercet.Stanza): tercet.Stanza?
---@return tercet.Stanza
function stanza:maptags(callback) end

---@param name? string
---@param xmlns? string
---@return tercet.Stanza
function stanza:remove_children(name, xmlns) end

---Goes a path: steps `{xmlns}name/...`; `#` at the end is the text, `@attr` an
---attribute.
---@param path string such as "{urn:example:x}x/item@id"
---@return tercet.Stanza|string?
function stanza:find(path) end

---The text, unless there are elements.
---@return string?
function stanza:get_text() end

---What an error says.
---@return string? type
---@return string? condition
---@return string? text
---@return tercet.Stanza? extra
function stanza:get_error() end

---The start tag alone, for logs.
---@return string
function stanza:top_tag() end

---One connection: of a client unless `type` says otherwise. Modules may put
---fields of their own into it.
---@class tercet.Session
---@field type string "c2s" once it has a resource; before that "c2s_unauthed" and "c2s_unbound"
---@field id string
---@field host string
---@field username? string
---@field resource? string
---@field full_jid? string
---@field ip string
---@field secure? boolean
---@field presence? tercet.Stanza the last available presence
---@field priority? number
---@field interested? boolean whether the roster is pushed to it
---@field directed? table<string, boolean>
---@field roster? table
---@field [string] any
local session = {}

---Sends to the client. Note that it is called with a dot.
---@param stanza tercet.Stanza|string
---@return boolean?
function session.send(stanza) end

---@param level tercet.Level
---@param format string
---@param ... any
function session.log(level, format, ...) end

---Ends the stream; a condition of RFC 6120 4.9.3 or a table says why.
---@param reason? string|{condition: string, text?: string, extra?: tercet.Stanza}
function session:close(reason) end

---@alias tercet.Level "debug"|"info"|"warn"|"error"

---What handlers of stanzas are called with. All handlers of one event share it.
---@class tercet.Event
---@field origin tercet.Session who has sent it
---@field stanza tercet.Stanza
---@field [string] any

---A handler. Anything but nil ends the event: it goes no further, and the
---value is its result.
---@alias tercet.Handler fun(event: tercet.Event): any

---@class tercet.Events
local events = {}

---@param name string
---@param handler tercet.Handler
---@param priority? number
function events.add_handler(name, handler, priority) end

---@param name string
---@param handler tercet.Handler
function events.remove_handler(name, handler) end

---@param name string
---@param data? any
---@return any
function events.fire_event(name, data) end

---@class tercet.Host
---@field host string
---@field type "local"|"component"
---@field events tercet.Events
---@field sessions table<string, {sessions: table<string, tercet.Session>}> by user, then by resource
---@field modules table<string, table> the environments of its modules
---@field send fun(stanza: tercet.Stanza)

---@class tercet.KeyValueStore
local keyval = {}

---@param user? string nil is the host itself
---@return table? data
---@return string? error
function keyval:get(user) end

---@param user? string
---@param data? table nil removes
---@return boolean? ok
---@return string? error
function keyval:set(user, data) end

---@return fun(): string?
function keyval:users() end

---@class tercet.MapStore
---@field remove any the value that removes a key in `set_keys`
local map = {}

---@param user? string
---@param key string
---@return any value
---@return string? error
function map:get(user, key) end

---@param user? string
---@param key string
---@param value any nil removes
---@return boolean? ok
---@return string? error
function map:set(user, key, value) end

---@param user? string
---@param values table<string, any>
---@return boolean? ok
---@return string? error
function map:set_keys(user, values) end

---@class tercet.ArchiveStore
local archive = {}

---@param user? string
---@param key? string nil has one made
---@param stanza tercet.Stanza
---@param when number seconds since 1970
---@param with string a bare JID
---@return string? id
---@return string? error
function archive:append(user, key, stanza, when, with) end

---@param user? string
---@param query? {key?: string, start?: number, ["end"]?: number, with?: string, after?: string, before?: string, limit?: integer, reverse?: boolean, total?: boolean}
---@return (fun(): string?, tercet.Stanza, number, string)? items
---@return integer|string|nil total
function archive:find(user, query) end

---@param user? string
---@param query? table
---@return integer|boolean? removed
---@return string? error
function archive:delete(user, query) end

---The module that this file is: one object on each host that has it enabled.
---@class tercet.Module
---@field name string the word in the config
---@field host string the domain, or "*" if it is the server's
---@field path string of its file
---@field environment table its globals
---@field reloading? boolean
---@field saved_state? table what `save` returned before a reload
---@field load? fun() set it: called when all is attached
---@field unload? fun() set it: called before it goes
---@field save? fun(): table set it: called before a reload
---@field restore? fun(state: table) set it: called after a reload
---@field add_host? fun(module: tercet.Module): boolean? set it in a module of the server: called for each host
module = {}

---Attaches a handler: the higher the priority the earlier it is called.
---@param event string such as "pre-message/bare"
---@param handler tercet.Handler
---@param priority? number
function module:hook(event, handler, priority) end

---Attaches a handler to an event of the whole server.
---@param event string
---@param handler fun(event: any): any
---@param priority? number
function module:hook_global(event, handler, priority) end

---@param xmlns string
---@param name string
---@param handler fun(session: tercet.Session, stanza: tercet.Stanza, event: tercet.Event): any
---@param priority? number
---@overload fun(self: tercet.Module, name: string, handler: function, priority?: number)
function module:hook_tag(xmlns, name, handler, priority) end

---@param object tercet.Events|table
---@param event string
---@param handler fun(event: any): any
---@param priority? number
function module:hook_object_event(object, event, handler, priority) end

---@param event string
---@param handler function
function module:unhook(event, handler) end

---@param object tercet.Events|table
---@param event string
---@param handler function
function module:unhook_object_event(object, event, handler) end

---Puts a function around all handlers of an event.
---@param event string
---@param wrapper fun(next: function, event: string, data: any): any
---@param priority? number
function module:wrap_event(event, wrapper, priority) end

---@param event string
---@param data? any
---@return any
function module:fire_event(event, data) end

---Writes to the log; `%s` takes any value.
---@param level tercet.Level
---@param format string
---@param ... any
function module:log(level, format, ...) end

---@return string
function module:get_name() end

---@return string
function module:get_host() end

---@return "local"|"component"|"global"
function module:get_host_type() end

---An option of the config, as it is.
---@param name string
---@param default? any
---@return any
function module:get_option(name, default) end

---@param name string
---@param default? string
---@return string
function module:get_option_string(name, default) end

---@param name string
---@param default? number
---@param min? number
---@param max? number
---@return number
function module:get_option_number(name, default, min, max) end

---@param name string
---@param default? integer
---@param min? integer
---@param max? integer
---@return integer
function module:get_option_integer(name, default, min, max) end

---A time in seconds; the config may say "1w" or "2 days".
---@param name string
---@param default? number|string
---@param min? number|string
---@param max? number|string
---@return number
function module:get_option_period(name, default, min, max) end

---@param name string
---@param default? boolean
---@return boolean
function module:get_option_boolean(name, default) end

---@param name string
---@param default? any[]
---@return tercet.Array
function module:get_option_array(name, default) end

---@param name string
---@param default? any[]|tercet.Set
---@return tercet.Set
function module:get_option_set(name, default) end

---The values of the host and of the global section together.
---@param name string
---@param default? any[]|tercet.Set
---@return tercet.Set
function module:get_option_inherited_set(name, default) end

---@param name string
---@param default? string
---@param parent? "config"|"data"|"source"|string
---@return string
function module:get_option_path(name, default, parent) end

---@param name string
---@param values string[]
---@param default? string
---@return string
function module:get_option_enum(name, values, default) end

---@param name string
---@param default? any
---@return any
function module:get_option_scalar(name, default) end

---Loads a module that this one needs, and returns its globals.
---@param name string
---@return table
function module:depends(name) end

---Runs the file NAME.lib.lua, in this module's environment.
---@param name string
---@return any
function module:require(name) end

---A table that modules share by its path.
---@param ... string
---@return table
function module:shared(...) end

---Tells the feature in service discovery.
---@param var string
function module:add_feature(var) end

---@param category string
---@param type string
---@param name? string
function module:add_identity(category, type, name) end

---@param form tercet.Stanza
function module:add_extension(form) end

---@param type string
---@param value any
function module:add_item(type, value) end

---@param type string
---@param value any
function module:remove_item(type, value) end

---@param type string
---@return any[]
function module:get_host_items(type) end

---@param type string
---@param added fun(event: {item: any, source?: tercet.Module})
---@param removed? fun(event: {item: any, source?: tercet.Module})
---@param existing? boolean also for those that are there, which is the default
function module:handle_items(type, added, removed, existing) end

---@param type "auth"|"storage"|"net"|"http"|"adhoc"|"sasl"|string
---@param item? table
function module:provides(type, item) end

---Sends a stanza, from the host unless it says otherwise.
---@param stanza tercet.Stanza
---@param origin? tercet.Session
---@return any
function module:send(stanza, origin) end

---Sends a request; the promise has the answer.
---@param stanza tercet.Stanza it needs an id
---@param origin? tercet.Session
---@param timeout? number seconds; 120
---@return tercet.Promise
function module:send_iq(stanza, origin, timeout) end

---@param jids string[]|fun(): string?
---@param stanza tercet.Stanza
function module:broadcast(jids, stanza) end

---Calls a function after so many seconds, and again if it returns a number.
---@param delay number
---@param callback fun(now: number, ...: any): number?
---@param ... any
---@return {stop: fun(self: any), reschedule: fun(self: any, delay: number)}
function module:add_timer(delay, callback, ...) end

---@param task {name?: string, when: "hourly"|"daily"|"weekly", run: fun(task: table, time: number)}
function module:cron(task) end

---@param name string|fun(task: table, time: number)
---@param run? fun(task: table, time: number)
function module:hourly(name, run) end

---@param name string|fun(task: table, time: number)
---@param run? fun(task: table, time: number)
function module:daily(name, run) end

---@param name string|fun(task: table, time: number)
---@param run? fun(task: table, time: number)
function module:weekly(name, run) end

---Opens a store of the host.
---@param name? string the module's name
---@param type? "keyval"
---@return tercet.KeyValueStore
---@overload fun(self: tercet.Module, name: string?, type: "map"): tercet.MapStore
---@overload fun(self: tercet.Module, name: string?, type: "archive"): tercet.ArchiveStore
function module:open_store(name, type) end

---@return string
function module:get_directory() end

---Opens a file that lies beside the module's.
---@param path string
---@param mode? string
---@return file*? file
---@return string? error
function module:load_resource(path, mode) end

---A number for statistics: the function takes it.
---@param name string
---@param type "amount"|"counter"|"rate"|"distribution"|"sizes"|"times"|"duration"
---@param config? table
---@return function
function module:measure(name, type, config) end

---The same module on another host; "*" is the server.
---@param host string
---@return tercet.Module
function module:context(host) end

---Makes it a module of the whole server.
function module:set_global() end

---@param type "core"|"info"|"warn"|"error"
---@param text string
function module:set_status(type, text) end

---@param type "core"|"info"|"warn"|"error"
---@param format string
---@param ... any
function module:log_status(type, format, ...) end

---@param app_name? string
---@param default_path? string
---@return string
function module:http_url(app_name, default_path) end

---A family of numbers for statistics: with_labels(...) of it has set, add and sample.
---@param kind "counter"|"gauge"|"histogram"|"summary"
---@param name string
---@param unit? string
---@param description? string
---@param labels? string[]
---@param config? table
---@return table
function module:metric(kind, name, unit, description, labels, config) end

---@return string?
---@return string?
---@return number?
function module:get_status() end

---Calls a function once the server has started, or soon if it has.
---@param callback fun()
function module:on_ready(callback) end

---@param callback fun()
function module:once(callback) end

---Whether who is in the context, an event or a JID, may do that.
---@param action string
---@param context any
---@return boolean
function module:may(action, context) end

---@param action string
---@param context any
---@return boolean
function module:could(action, context) end

---@param role string
---@param action string
function module:default_permission(role, action) end

---@param role string
---@param actions string[]
function module:default_permissions(role, actions) end

---The old name of hook_tag.
---@param xmlns string
---@param name string
---@param handler fun(session: tercet.Session, stanza: tercet.Stanza, event: tercet.Event): any
---@param priority? number
function module:hook_stanza(xmlns, name, handler, priority) end

---@param object tercet.Events|table
---@param event string
---@param wrapper fun(next: function, event: string, data: any): any
function module:wrap_object_event(object, event, wrapper) end

---@param event string
---@param wrapper fun(next: function, event: string, data: any): any
function module:wrap_global(event, wrapper) end

---@class tercet.Promise
local promise = {}

---@param ok? fun(value: any): any
---@param failed? fun(err: any): any
---@return tercet.Promise
function promise:next(ok, failed) end

---@param failed fun(err: any): any
---@return tercet.Promise
function promise:catch(failed) end

---@param done fun()
---@return tercet.Promise
function promise:finally(done) end

---The server.
---@class tercet.Server
---@field hosts table<string, tercet.Host>
---@field full_sessions table<string, tercet.Session>
---@field bare_sessions table<string, {sessions: table<string, tercet.Session>}>
---@field events tercet.Events
---@field paths {source: string, config: string, data: string, plugins: string}
---@field config_file string
---@field version string
---@field start_time number seconds since 1970
---@field process_type "prosody"|"prosodyctl"
---@field platform string
prosody = {}

---@type table<string, tercet.Host>
hosts = {}

---Writes to the log.
---@param level tercet.Level
---@param format string
---@param ... any
function log(level, format, ...) end
