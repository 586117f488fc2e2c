-- SPDX-License-Identifier: Apache-2.0
local j = require "util.json";
local function decoded(s)
	local ok, v, err = pcall(j.decode, s);
	P(s, ok, v, v == nil and type(err) or nil);
end
for _, s in ipairs { 'true', 'false', '1', '-1.5e3', '"a\\u00e9\\ud83d\\ude00\\n"', '[]', '{}', '[1,null,"x"]', '{"a":null,"b":[{}]}', ' [ 1 , 2 ] ', 'nul',
	'"abc', '{"__array":[1]}', '{"__hash":["a",1,2,3]}', '01', '1e5', '"\t"', '/*c*/1', '"\\x"', '"\\ud800"', '"\\/"', '[[[]]]', '+1', '.5', '1.',
	'{"a":1,"a":2}', '{1:2}', 'NaN', '"\\u12"', '[null]', '{"1":2}', '{"a"}', '[1 2]', '[1,]', '1 2', '{', '[', '{"a":1,}', '"\\b\\f\\r"' } do
	decoded(s);
end
P(j.decode("[null]")[1] == j.null, tostring(j.null), j.decode("null") == j.null);
for _, v in ipairs { 1, -1.5, 1099511627776, 0.1, 1 / 3, "a\"b\\/\n\1\127\195\169\255\8\12\r\t", true, {}, { 1, 2 }, { a = 1 }, { 1, 2, a = 3 }, { [1.5] = 1 }, j.null,
	{ j.null }, { [true] = 1 }, { [3] = 1, [1] = 2 }, { a = { b = { c = {} } } }, { a = j.null }, "\226\128\168", setmetatable({ 1 }, { __freeze = function () return { "f" } end }) } do
	T(j.encode, v);
end
T(j.encode, nil); T(j.encode_array, {}); T(j.encode_array, { 1, "x" }); T(j.encode_ordered, { b = 1, a = 2, c = { z = 1, y = 2 } }); T(j.encode, print);
T(j.encode, require "util.array" {}); T(j.encode, require "util.array" { 1 });
P(getmetatable(j.decode("[]")) == getmetatable(require "util.array" ()));
