VirtualHost "example.org"
local f = io.popen("hostname")
