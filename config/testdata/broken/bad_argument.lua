VirtualHost "example.org"
motd_text = ("x"):gsub("x", true)
