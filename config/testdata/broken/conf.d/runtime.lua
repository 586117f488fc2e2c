VirtualHost "example.net"

error("not today")
