VirtualHost "example.org"
	c2s_timeout = "2 days"
