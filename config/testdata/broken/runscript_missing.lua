VirtualHost "example.org"
RunScript "setup.lua"
