-- SPDX-License-Identifier: Apache-2.0
local f = require "util.format".format;
for _, a in ipairs { { "%s", nil }, { "%s %s", "a" }, { "%d", 1.5 }, { "%d", "x" }, { "%q", { a = 1 } }, { "%q", "a\nb" }, { "a", "b", "c" }, { "%%" },
	{ "%s", true }, { "%x", 255 }, { "%5.2f", 1.234 }, { "%i", "7" }, { "%s", "a\0\1b\r\n\t\27\127" }, { "%s", "\255\254" }, { "%q", "\255" }, { "%c", 65 },
	{ "%d", nil }, { "%s", setmetatable({}, { __tostring = function () return "T" end }) }, { "%q", 1 }, { "%q", nil }, { "%g", "x" }, { "%-10s|", "a" },
	{ "%.3s", "abcdef" }, { "%s\n%s", "a\nb", "c" }, { "%d%%", 5 }, { "[%s]", "\195\169" }, { "%d", 1e100 }, { "%u", 5 }, { "%q", true }, { "x", "\0" },
	{ "%s", 1.5 }, { "%d", -3 }, { "%05d", 42 }, { "%f", "1" } } do
	T(f, (table.unpack or unpack)(a, 1, 3));
end
T(f, "%s", require "util.stanza".stanza("a")); T(f, "%s", require "util.error".new { condition = "x" }); T(f, "%s", require "util.set".new { "a" });

local s = require "util.serialization";
for _, v in ipairs { 1, 1.5, "a\n\0\255\"", true, {}, { 1, 2, { 3 } }, { a = 1 }, { ["b c"] = 2 }, { [4] = 4 }, { ["end"] = 5 }, { [1.5] = 1 }, 1 / 0, -1 / 0,
	{ { a = { b = {} } } }, -0.1, "tab\tcr\r" } do
	T(s.serialize, v); T(s.serialize, v, "compact"); T(s.serialize, v, "oneline"); T(s.serialize, v, { preset = "pretty" });
end
T(s.serialize, nil); T(s.serialize, { function () end }); T(s.serialize, { function () end }, { fatal = false });
local t = {}; t.t = t; T(s.serialize, t); T(s.serialize, t, { fatal = false });
T(s.serialize, { b = { c = 2 } }, { fatal = false, unquoted = true });
local frozen = setmetatable({ 1 }, { __freeze = function () return { "fr" } end });
T(s.serialize, frozen, { freeze = true }); T(s.serialize, frozen, { preset = "oneline", freeze = true }); T(s.serialize, frozen);
T(s.serialize, { { 1 } }, { maxdepth = 1, fatal = false });
P(s.deserialize("{a=1}")); P(s.deserialize("5")); P((s.deserialize("x("))); P((s.deserialize("print('x')"))); T(s.deserialize, "");
T(s.new("oneline"), { 1 });
for _, v in ipairs { { a = { 1, 2, x = "\1" } }, "str", 1.25 } do P(s.deserialize(s.serialize(v))); end

local h = require "util.http";
T(h.urlencode, "a\195\169 b/~-_.!"); T(h.urldecode, "a%20b%zz+%2F%2f"); T(h.urlencode, nil); T(h.urldecode, nil);
T(h.formencode, { { name = "a b", value = "c&d" }, { name = "x", value = "" } }); T(h.formencode, { a = "1" }); T(h.formdecode, "a+b=c%26d&x=&x=2");
T(h.formdecode, "noequals"); T(h.formdecode, ""); T(h.contains_token, "a, B ,c", "b"); T(h.contains_token, "", "b"); T(h.contains_token, nil, "x");
for _, p in ipairs { "/a//b/", "a", "/a", "/", "", "/a/", "a b" } do P(h.normalize_path(p)); P(h.normalize_path(p, true)); end
T(h.formencode, {}); T(h.formdecode, "a=1&b=2"); T(h.formdecode, "=x"); T(h.contains_token, "upgrade", "UPGRADE");

local i = require "util.interpolation".new("%b{}", function (v) return "<" .. v .. ">" end,
	{ up = string.upper, join = table.concat, n = function (v, arg) return "n" .. type(v) .. tostring(arg) end });
P(i("a {x} {y} {x!} {x?d} {x&yes} {x~no} {y~no} {y?d} {y&yes} {x|up} {t.a} {l#{idx}:{item};} {m%{idx}={item},} {nope|n} {x|nofilter}",
	{ x = "X", t = { a = "A" }, l = { "p", "q" }, m = { k = "v" } }));
P(i("{}{a.b.c}{x!up}{n}{b}", { n = 5, b = true, x = "q" })); P(i("{l#{item.name}{last?}}", { l = { { name = "1" }, { name = "2" } } }));
P(i("{x?{y}} {n?dflt {x}} {x&{x} z}", { x = 1, y = 2 }));
P(i("[{none#x}] [{none%x}] [{f#x}] [{f?dflt}] [{f}] [{f~no}] [{s#x}] [{none}] [{x!?other}] [{none!?other}] [{x!&yes}] [{t.f?dflt}] [{x.}]",
	{ f = false, s = "text", x = "X", t = { f = false } }));
P(i("{l|join#x} {l|join} {l|join!} {l|nofilter#{idx}} {none|up?dflt} {x|up?dflt} {x|up&{x}} {x|} {x|up|up!}", { l = { "p", "q" }, x = "X" }));
P(i("{l#{outer}{idx}{item.n#{idx}{item}{outer}}}", { outer = "o", l = { { n = { 1, 2 } }, {}, { n = { 3 } } } })); T(i, "{l#{item.a.b.c}}", { l = { { a = { b = {} } } } });
P(require "util.interpolation".new("%b()", string.upper)("(a) (b|up) (c!)", { a = "x", b = "y", c = "z" }));
local p = require "util.paths";
P(p.join("a", "b"), p.join("a"), p.join("a", "b", "c", "d")); P(p.resolve_relative_path("/a", "b"), p.resolve_relative_path("/a", "/b"));
P(p.resolve_relative_path("/a/", "b"), p.resolve_relative_path("/a", "./b"), p.resolve_relative_path("a", "b")); P(p.glob_to_pattern("*.a?[x]"));
local hu = require "util.human.units";
for _, a in ipairs { { 1000, "B" }, { 1024, "B", "b" }, { 1536, "B", "b" }, { 0.001, "s" }, { 0, "B" }, { 1e24, "B" }, { 12345, "B", "b" }, { 1, "s" }, { 0.5, "s" },
	{ 999, "B" }, { 2048, "", "b" }, { 123456, "B" }, { 1e-6, "s" }, { 1048576, "B", "b" } } do
	P(hu.format(a[1], a[2], a[3]));
end
local hi = require "util.human.io"; P(hi.ellipsis("abcdef", 4), hi.ellipsis("ab", 4), hi.padleft("a", 3), hi.padright("a", 3));
local tb = hi.table({ { title = "A", width = 5 }, { title = "B", width = "100%" } }, 20); P(tb()); P(tb { "x", "y" });
local jp = require "util.jwt"; local token = jp.sign("key", { a = 1 }); P(token); P(jp.verify("key", token)); P(jp.verify("bad", token)); P(jp.verify("key", "x"));
P(jp.verify("key", "a.b.c"));
local el = require "util.envload"; P(el.envload("return x", "=c", { x = 5 })()); P((el.envload("x(", "=c", {})));
