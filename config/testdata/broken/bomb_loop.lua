-- time: 100ms
VirtualHost "example.org"
while true do end
