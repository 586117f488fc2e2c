VirtualHost "example.org"
Include "conf.d/nothing.lua"
