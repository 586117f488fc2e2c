VirtualHost "example.org"
	allow_registration = true
	registration_allowlist = { "192.0.2.1" }
