VirtualHost "example.org"
motd_text = ("x"):match("[x")
