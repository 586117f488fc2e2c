-- time: 100ms
VirtualHost "example.org"
motd_text = ("a"):rep(40):match("a*a*a*a*a*a*a*a*a*a*a*a*a*a*b")
