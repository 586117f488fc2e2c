VirtualHost "example.org"
	allow_registration = "maybe"
