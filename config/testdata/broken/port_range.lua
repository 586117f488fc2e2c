c2s_ports = { 5222, 522222 }
VirtualHost "example.org"
