VirtualHost "example.org"
Include "conf.d/runtime*.lua"
