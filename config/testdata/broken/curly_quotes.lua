VirtualHost “example.org”
