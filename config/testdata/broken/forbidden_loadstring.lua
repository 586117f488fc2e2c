VirtualHost "example.org"
loadstring("\27Lua")()
