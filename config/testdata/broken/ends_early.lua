VirtualHost "example.org"
storage =
