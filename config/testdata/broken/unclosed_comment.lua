VirtualHost "example.org"
--[[ the rest is
not used
