VirtualHost "example.org"
motd_text = FileLine "conf.d"
