VirtualHost "example.org"
assert(tonumber("x"), "want a number")
