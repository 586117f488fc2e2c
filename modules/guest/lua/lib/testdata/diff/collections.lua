-- SPDX-License-Identifier: Apache-2.0
local set = require "util.set";
local a, b = set.new { 1, 2, 3 }, set.new { 2, 3, 4 };
local function sorted(s) local t = {}; for x in s do t[#t + 1] = x end table.sort(t); P(t) end
sorted(a + b); sorted(a - b); sorted(a / function (x) return x > 1 and x or nil end); sorted(set.xor(a, b)); sorted(set.intersection(a, b));
sorted(set.union(a, b)); sorted(set.difference(b, a)); sorted(set.new());
P(a == b, a == set.new { 3, 2, 1 }, tostring(set.new { 1 }), a:contains(1), a:contains(9), a:contains_set(set.new { 1, 2 }), a:contains_set(b));
P(a:empty(), set.new():empty(), set.is_set(a), set.is_set {}, set.is_set(nil));
P(a:remove(9), a:add(5), a:include(b)); sorted(a); a:exclude(b); sorted(a); a:add_list { 7, 8 }; sorted(a); a:add_list(nil); a:remove(7); sorted(a);
local items = {}; for item in a:items() do items[#items + 1] = item end table.sort(items); P(items);

local array = require "util.array";
local x = array { 3, 1, 2 };
P(array.sort(x, function (p, q) return p > q end)); P(x); P(x:sort()); P(array.map(x, tostring)); P(x:map(function (v) return v * 2 end));
P(array.filter(x, function (v) return v > 2 end)); P(x:filter(function (v) return v > 2 end)); P(array.reverse(x)); P(x:reverse());
P(array.slice({ 1, 2, 3, 4 }, 2, 3)); P(array.slice({ 1, 2, 3, 4 }, -2)); P(array.slice({ 1, 2, 3, 4 }, 2, -2)); P(array.slice({ 1, 2 }, 5));
P(array.slice({ 1, 2, 3 }, 0, 1)); P(array { 1, 2, 3 }:slice(2)); P(array.unique { 1, 1, 2 }); P(array.pluck({ { a = 1 }, { a = 2 }, {} }, "a", 0));
P(array.collect(pairs { a = 1 })); P(array(pairs { a = 1 })); P(tostring(array { 1, "x" })); P(array { 1 } == array { 1 }, array { 1 } == array { 2 });
P(array { 1 } + array { 2 }); P(array { 1, 2 } / function (v) return v > 1 and v or nil end); P(array { 1, 2 }:concat("-"), array { 1 }:concat());
P(array { 1, 2 }:push(3)); P(array { 1, 2 }:pop()); P(array { 1 }:append { 2 }); P(array { 1, 2 }:length()); T(array, nil);
P(#array { 1, 2, 3 }:shuffle()); P(array { 5 }:random()); P(array { 5, 6 }:random_other(5));

local it = require "util.iterators";
L(it.sorted_pairs { b = 1, a = 2 }); L(it.sorted_pairs({ 3, 2, 1 }, function (p, q) return p > q end)); P(it.to_array(it.values { 5 }));
P(it.count(pairs { 1, 2 })); P(it.to_array(it.keys { a = 1 })); P(it.to_table(pairs { a = 1 })); P(it.count(it.range(0)));
L(it.head(2, it.range(5))); L(it.skip(2, it.range(5))); L(it.tail(2, it.range(5))); L(it.tail(9, it.range(2))); L(it.filter(3, it.range(5)));
L(it.filter(function (v) return v > 3 end, it.range(5))); L(it.reverse(it.range(3))); L(it.reverse(ipairs { "a", "b" })); L(it.unique(it.values { 1, 1, 2 }));
L(it.range(2, 4)); L(it.select(2, ipairs { 7, 8 })); L(it.ripairs { 1, 2, 3 }); L(it.join(it.range(2)):append(it.range(3)));
L(it.head(1, pairs { 9 })); L(it.head(0, it.range(3)));

local m = require "util.multitable".new();
m:set("a", "b", 1); m:set("a", "c", 2); m:add("l", 1); m:add("l", 2);
P(m.data); P(m:get("a", "b")); P(m:get("a")); P(m:get("x", "y")); P(m:get()); P(#m:search("a", nil)); P(m:search(nil, "b")); P(m:search("nope"));
m:remove("a", "b"); P(m.data); m:remove("a"); P(m.data); m:set("x", "y", "z", 1); m:set("x", "q", "z", 2);
local rows = {}; for p, q, r, v in m:iter("x", nil, "z") do rows[#rows + 1] = { p, q, r, v } end
table.sort(rows, function (p, q) return p[2] < q[2] end); P(rows);
m:remove("x", nil, "z"); P(m.data);

local cache = require "util.cache";
local c = cache.new(2, function (k) print("evict " .. k) end);
P(c:set("a", 1), c:set("b", 2), c:set("c", 3), c:get("a"), c:get("b"), c:count(), c.size); P(c:head()); P(c:tail()); L(c:items()); L(c:values());
P(c:set("b", nil), c:count(), c:resize(1), c:resize(5), c:table().c, c:clear(), c:count());
c = cache.new(1, false); P(c:set("a", 1), c:set("b", 1)); c = cache.new(1, function () return false end); P(c:set("a", 1), c:set("b", 2), c:get("a"));
T(cache.new, 0); T(cache.new, "x"); P(cache.new(1.5).size); T(cache.new, -1);
c = cache.new(2); c:set("a", 1); c:set("b", 2); c:set("a", 9); P(c:head()); c:get("b"); P(c:head()); P(c:tail()); c:set("c", 1); L(c:items());
c = cache.new(1); local t = c:table(); t.x = 1; t.y = 2; P(t.x, t.y);
c = cache.new(3); for i = 1, 3 do c:set(i, i) end P(c:resize(2)); L(c:items()); T(c.resize, c, 0);

local q = require "util.queue".new(3, true); q:push(1); q:push(2); q:push(3); P(q:push(4), q:count(), q:peek(), q:pop(), q.size); L(q:items());
q = require "util.queue".new(1); P(q:push(1), q:push(2)); P(q:replace(5), q:peek()); L(q:consume()); P(q:pop(), q:peek(), q:count());
local th = require "util.throttle".create(3, 1000); P(th:poll(1), (th:poll(5)), (th:poll(5, true)), th:peek(1), th.max);
