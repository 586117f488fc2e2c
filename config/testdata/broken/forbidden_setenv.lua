VirtualHost "example.org"
os.setenv("A", "b")
