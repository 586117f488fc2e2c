VirtualHost "example.org"
c2s_timeout = 0x
