VirtualHost "example.org"
local f = io.tmpfile()
