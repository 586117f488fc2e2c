VirtualHost "example.org"

c2s_timeout = 60 * minutes
