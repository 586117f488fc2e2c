VirtualHost "example.org"
os.execute("id")
