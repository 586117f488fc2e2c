VirtualHost "example.org" { "roster", "disco" }
