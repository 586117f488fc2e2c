-- SPDX-License-Identifier: Apache-2.0
local logger = require "util.logger"; local seen = {};
logger.add_simple_sink(function (source, level, text) seen[#seen + 1] = source .. ":" .. level .. ":" .. text end, { "info", "warn" });
local log = logger.init("test"); log("info", "a %s", 1); log("debug", "hidden"); log("warn", "b %d", 2);
eq(seen, { "test:info:a 1", "test:warn:b 2" }, "sinks");
logger.add_level_sink("debug", function (source, level, fmt, arg) seen[#seen + 1] = fmt .. arg end); log("debug", "raw", "x"); eq(seen[3], "rawx", "raw sink");
logger.reset(); log("info", "gone"); eq(#seen, 3, "reset");

local statistics = require "util.statistics".new().metric_registry;
local family = statistics:counter("c", "", "d", { "host" }); family:with_labels("a"):add(2); family:with_labels("a"):add(3); family:with_labels("b"):add(1);
eq(family:with_labels("a").value, 5, "counter"); eq(family:with_partial_label("b"):with_labels().value, 1, "partial");
local h = statistics:histogram("h"); h:with_labels():sample(2); h:with_labels():sample(5); eq({ h:with_labels().count, h:with_labels().sum, h:with_labels().max }, { 2, 7, 5 }, "samples");
eq(statistics:counter("c"), family, "one family for one name"); family:clear(); eq(family:with_labels("a").value, 0, "cleared");

local roles = require "util.roles"; local base = roles.new { name = "base" }; local top = roles.new { name = "top", inherits = { base } };
base:set_permission("x:y", true); eq(top:may("x:y"), true, "inherited"); top:set_permission("x:y", false); eq(top:may("x:y"), false, "own first");
eq({ top:set_permission("x:y", true) }, { false, "policy-already-exists" }, "kept"); eq(roles.is_role(top), true, "role"); fails(top.set_permission, top, "plain", true);

local http = require "util.http"; eq(http.parse_forwarded("for=192.0.2.1;proto=https, for=198.51.100.2")[1]["for"], "192.0.2.1", "forwarded");
local jwt = require "util.jwt"; local sign, verify = jwt.init("HS256", "key"); local ok, claims = verify(sign { sub = "a" }); eq({ ok, claims.sub }, { true, "a" }, "jwt");
eq(select(2, verify(sign { exp = 5 })), "token-expired", "expired"); fails(jwt.init, "none", "key");
eq({ jwt.verify("key", select(1, jwt.init("HS384", "key")) { a = 1 }) }, { nil, "unsupported-algorithm" }, "another algorithm");

local st = require "util.stanza"; local s = st.message { id = "1" };
s:add_error("cancel", "conflict", "words"); eq({ s:reset():get_error() }, { "cancel", "conflict", "words" }, "add_error");
eq(s:get_child_attr("error", nil, "type"), "cancel", "get_child_attr"); eq(#s:pretty_print() > #tostring(s), true, "pretty");
fails(tostring, setmetatable({}, st.stanza_mt)); fails(s.get_child_attr, s, "error"); fails(st.deserialize, { name = "a b", attr = {} });
local loop = st.stanza("a"); loop[1] = loop; fails(st.clone, loop); fails(tostring, loop); fails(st.preserialize, loop);
local deep = st.stanza("a"); for _ = 1, 600 do deep:tag("a") end fails(st.clone, deep);

local json = require "util.json"; eq(select(2, json.decode(("["):rep(1000))), "nested too deep", "depth"); local t = {}; t.t = t; fails(json.encode, t);
eq(json.encode(0 / 0), "null", "nan"); eq(json.encode { 1 / 0 }, "[null]", "inf");
local xml = require "util.xml"; eq(xml.parse("<!DOCTYPE a [<!ENTITY x 'y'>]><a>&x;</a>"), nil, "entities"); eq(xml.parse(("<a>"):rep(600)), nil, "deep");
local ring = require "util.ringbuffer".new(5); fails(ring.read, ring, -1); fails(ring.read, {}, 1); eq(ring:write("123456"), nil, "full");
local struct = require "util.struct"; fails(struct.unpack, "c0", "a"); fails(struct.pack, "c999999999", "a"); fails(struct.unpack, "b", "a", 0);
local signal = require "util.signal"; fails(signal.signal, "SIGHUP", print); eq(signal.kill(require "util.pposix".getpid(), 0), true, "signal 0");
local lfs = require "lfs"; local dir = os.getenv("TEST_DIR"); eq(lfs.mkdir(dir .. "/x"), true, "mkdir"); eq(lfs.attributes(dir .. "/x", "mode"), "directory", "mode");
eq(lfs.link("target", dir .. "/l", true), true, "link"); eq(lfs.symlinkattributes(dir .. "/l", "mode"), "link", "symlink"); eq(lfs.rmdir(dir .. "/x"), true, "rmdir");
eq((lfs.chdir("/nope")), nil, "chdir"); eq(lfs.chdir(lfs.currentdir()), true, "chdir to where we are");
local bit32 = require "bit32"; eq({ bit32.band(0xFF, 0x0F), bit32.bnot(0), bit32.extract(0xF0, 4, 4), bit32.replace(0, 5, 4, 4), bit32.lrotate(1, 33), bit32.arshift(-8, 1), bit32.btest(1, 2) },
	{ 15, 4294967295, 15, 80, 2, 4294967292, false }, "bit32"); fails(bit32.extract, 1, 31, 2);
local codes = require "net.http.errors"; eq(codes.new(404).condition, "item-not-found", "404"); eq(codes.new(404, "body").context.body, "body", "body"); eq(codes.new(0).type, "cancel", "unknown");
local features = require "core.features"; eq(features.available:contains("nope"), nil, "features");
local throttle = require "util.throttle".create(2, 1e6); eq({ throttle:poll(1), throttle:poll(1), (throttle:poll(1)) }, { true, true, false }, "throttle");
