limits = "10kb/s"
VirtualHost "example.org"
