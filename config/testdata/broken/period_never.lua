VirtualHost "example.org"
	c2s_timeout = "never"
