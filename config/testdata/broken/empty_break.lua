VirtualHost "example.org"
break
