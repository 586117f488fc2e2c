VirtualHost "example.org"
	registration_allowlist = { ["192.0.2.1"] = "yes" }
