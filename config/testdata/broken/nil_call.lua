VirtualHost "example.org"
modules_enabled { "ping" }
