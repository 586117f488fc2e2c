VirtualHost ""
