VirtualHost "example.org"
	authentication = "internal_hasehd"
