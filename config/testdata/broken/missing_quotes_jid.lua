VirtualHost "example.org"
admins = { juliet@example.org }
