VirtualHost "example.org"
dofile "/etc/hostname"
