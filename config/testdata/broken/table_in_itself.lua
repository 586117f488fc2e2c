VirtualHost "example.org"
local t = { rate = "10kb/s" }
t.c2s = t
limits = t
