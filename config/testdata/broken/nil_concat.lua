VirtualHost "example.org"
local base = nil
motd_text = "Welcome to " .. base
