admins = true
VirtualHost "example.org"
