VirtualHost "example.org"
os.remove("/tmp/x")
