-- memory: 8
VirtualHost "example.org"
ssl = { [4000000] = true }
