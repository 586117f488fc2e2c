VirtualHost "example.org"
os.exit(1)
