-- memory: 8
VirtualHost "example.org"
local s = "x"
while true do s = s .. s end
