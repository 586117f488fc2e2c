VirtualHost "example.org"
motd_text = ("%d users"):format("many")
