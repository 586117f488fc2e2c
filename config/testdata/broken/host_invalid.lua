VirtualHost "example..org"
