VirtualHost "example.org"
	authentication = internal_hashed
