VirtualHost "example.org"
Component { "muc" }
