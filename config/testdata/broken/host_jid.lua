VirtualHost "juliet@example.org"
