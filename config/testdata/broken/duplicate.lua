storage = "internal"
admins = { "juliet@example.org" }
storage = "memory"
VirtualHost "example.org"
	storage = "memory"
