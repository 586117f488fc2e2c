VirtualHost "example.org"
Include "conf.d/syntax.lua"
