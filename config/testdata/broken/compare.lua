VirtualHost "example.org"
if "5" < 6 then storage = "memory" end
