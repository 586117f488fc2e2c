VirtualHost "example.org"
	enabled = "no"
VirtualHost "example.net"
