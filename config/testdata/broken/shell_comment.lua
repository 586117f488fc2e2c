VirtualHost "example.org"
# the storage
storage = "internal"
