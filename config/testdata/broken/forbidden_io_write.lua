VirtualHost "example.org"
io.write("hello")
