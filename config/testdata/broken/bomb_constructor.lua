-- memory: 8
VirtualHost "example.org"
ssl = { [60000000] = true }
