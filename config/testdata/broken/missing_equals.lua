VirtualHost "example.org"
	allow_registration true
