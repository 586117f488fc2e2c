c2s_ports = { "5222", "xmpp" }
VirtualHost "example.org"
