VirtualHost "example.org"
io.output("/tmp/x")
