VirtualHost "example.org"
local n = os.tmpname()
