c2s_timeout = 60
VirtualHost "example.org"
	c2s_timeout = c2s_timeout
