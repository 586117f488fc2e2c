VirtualHost "example.org"
	turn_external_secret = { "s3cr3t" }
