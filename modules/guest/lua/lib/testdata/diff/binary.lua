-- SPDX-License-Identifier: Apache-2.0
local s = require "util.struct";
for _, a in ipairs { { ">I4", 1 }, { "<I2", 258 }, { "b", -1 }, { "B", 255 }, { ">h", -2 }, { "s", "abc" }, { "c3", "abcd" }, { "c0", "abc" }, { ">d", 1.5 },
	{ "<f", 0.5 }, { "xB", 1 }, { ">I3", 66051 }, { "!4 bI4", 1, 2 }, { ">L", 1 }, { "i", -1 }, { ">T", 1 }, { "z", "x" }, { ">I9", 1 }, { "c5", "abc" }, { ">i2I1", -2, 3 },
	{ "!3b", 1 }, { "I33", 1 }, { "", }, { ">I4I4", 4294967295, 0 } } do
	T(s.pack, (table.unpack or unpack)(a));
end
T(s.unpack, ">I4", "\0\0\0\1"); T(s.unpack, ">I2B", "\1\2\3"); T(s.unpack, "s", "abc\0d"); T(s.unpack, "s", "abc"); T(s.unpack, "c2", "abc");
T(s.unpack, "Bc0", "\3abcd"); T(s.unpack, ">I4", "\0"); T(s.unpack, "b", "\255"); T(s.unpack, ">I2", "\0\1\0\2", 3); T(s.unpack, "<d", s.pack("<d", 2.5));
T(s.unpack, "x", ""); T(s.unpack, "c0", "abc"); T(s.unpack, ">i3", "\255\255\254"); T(s.unpack, ">h", "\255\254"); T(s.unpack, "<f", s.pack("<f", -0.25));
T(s.size, ">I4B"); T(s.size, "s"); T(s.size, "!4bI4"); T(s.size, "c0"); T(s.size, "dfhl");
local r = require "util.ringbuffer"; local b = r.new(10);
P(b:write("hello"), b:size(), b:free(), b:length()); P(b:read(3, true)); P(b:read(2), b:find("l"), b:sub(1, 2), b:byte(1)); P(b:write("12345678"));
b:discard(3); P(b:write("1234567")); P(b:read(20)); P(b:readuntil("3")); P(b:read(1, true)); P(b:discard(2), #b); P(b:discard(50)); P(b:find("zz")); P(b:sub(-2)); P(b:byte(1, -1));
P((tostring(b):gsub("0x%x+", "X"))); T(r.new, 0); T(r.new, -1);
local o = require "util.strbitop"; P(o.sand("abc", "\255"), o.sor("abc", " "), o.sxor("abc", "abc"), o.sxor("abc", ""), o.sxor("", "a"), o.sxor("abcd", "ab"));
local bit = require "bit";
P(bit.band(-1, 255), bit.bor(1, 2), bit.bxor(5, 1), bit.bnot(0), bit.lshift(1, 31), bit.rshift(-1, 28), bit.arshift(-8, 1), bit.tobit(2 ^ 32 + 5), bit.tohex(255));
P(bit.tohex(255, 4), bit.tohex(255, -4), bit.bswap(1), bit.rol(1, 33), bit.ror(1, 1), bit.lshift(1, 33), bit.band(1, 3, 5), bit.tobit(-1));
local bc = require "util.bitcompat"; P(bc.band(5, 4), bc.bor(1, 2), bc.bxor(3, 1), bc.lshift(1, 4), bc.rshift(256, 4));
