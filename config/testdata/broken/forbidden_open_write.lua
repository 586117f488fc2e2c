VirtualHost "example.org"
local f = io.open("/tmp/x", "w")
