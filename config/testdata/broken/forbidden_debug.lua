VirtualHost "example.org"
debug.setmetatable(1, {})
