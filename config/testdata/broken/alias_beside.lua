VirtualHost "example.org"
	registration_allowlist = { "192.0.2.1" }
	registration_whitelist = { "192.0.2.2" }
