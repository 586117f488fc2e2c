VirtualHost "example.org"
	motd_text = { "Welcome" }
