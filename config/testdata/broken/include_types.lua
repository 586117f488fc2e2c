VirtualHost "example.org"
Include "conf.d/types.lua"
