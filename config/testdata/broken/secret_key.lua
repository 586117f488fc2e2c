sql = { driver = "SQLite3", password = { "s3cr3t" } }
VirtualHost "example.org"
