VirtualHost "example.org"
motd_text = FileContents "motd.txt"
