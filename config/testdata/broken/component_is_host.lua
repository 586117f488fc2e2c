VirtualHost "example.org"

Component "EXAMPLE.org" "muc"
