VirtualHost "example org"
