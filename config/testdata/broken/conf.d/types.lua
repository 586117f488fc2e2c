-- included files start in the global section
archive_expires_after = true
VirtualHost "example.org"
	c2s_timeout = "soon"
