-- SPDX-License-Identifier: Apache-2.0
local dt = require "util.datetime";
for _, t in ipairs { 0, 1700000000, 951782400, 253402300799, 86399 } do P(dt.datetime(t), dt.date(t), dt.time(t), dt.legacy(t)); end
for _, s in ipairs { "1970-01-01T00:00:00Z", "2023-11-14T22:13:20.123456Z", "2023-11-14T22:13:20+02:00", "2023-11-14T22:13:20-0230", "2023-11-14", "x",
	"2023-11-14T22:13:20", "20231114T22:13:20", "", "2024-02-29T12:00:00Z", "2023-11-14T22:13:20ZZ" } do
	T(dt.parse, s);
end
T(dt.parse, nil); T(dt.datetime, "x"); P(#dt.datetime(), #dt.date(), #dt.time(), #dt.legacy(), dt.parse(dt.datetime()) ~= nil);
P(dt.datetime(nil) == dt.datetime());
