VirtualHost "example.org"
os.rename("/tmp/x", "/tmp/y")
