VirtualHost "example.org"
	Authentication = "internal_hashed"
