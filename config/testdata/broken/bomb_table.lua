-- memory: 8
VirtualHost "example.org"
local t = {}
while true do t[#t + 1] = { "item", #t } end
