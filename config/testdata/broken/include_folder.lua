VirtualHost "example.org"
Include "conf.d"
