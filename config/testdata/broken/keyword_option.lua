VirtualHost "example.org"
end = true
