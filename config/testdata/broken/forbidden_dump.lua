VirtualHost "example.org"
local s = string.dump(function() end)
