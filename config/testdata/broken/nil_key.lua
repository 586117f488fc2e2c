VirtualHost "example.org"
local t = {}
t[nil] = 1
