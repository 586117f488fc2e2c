modules_enabled = "roster"
VirtualHost "example.org"
