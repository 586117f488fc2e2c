-- memory: 8
VirtualHost "example.org"
motd_text = FileContents "/dev/zero"
