VirtualHost "example.org"
Include "nowhere/*.cfg.lua"
