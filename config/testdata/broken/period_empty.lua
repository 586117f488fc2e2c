VirtualHost "example.org"
	archive_expires_after = ""
