-- memory: 8
VirtualHost "example.org"
motd_text = ("x"):rep(1e9)
