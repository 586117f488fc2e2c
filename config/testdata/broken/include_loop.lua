VirtualHost "example.org"
Include "conf.d/loop.lua"
