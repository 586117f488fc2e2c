VirtualHost "example.org"
Include "include_self.lua"
