-- memory: 8
VirtualHost "example.org"
local t = {}
while true do t[#t + 1] = ("%99s"):format(#t) end
