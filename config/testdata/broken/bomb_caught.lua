-- time: 100ms
VirtualHost "example.org"
while true do pcall(function() while true do end end) end
