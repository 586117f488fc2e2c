-- memory: 8
VirtualHost "example.org"
local t = {}
t[4000000] = true
