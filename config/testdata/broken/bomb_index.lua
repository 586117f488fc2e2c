-- memory: 8
VirtualHost "example.org"
local t = {}
t[60000000] = true
