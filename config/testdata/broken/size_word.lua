http_max_content_size = "10 megabytes"
VirtualHost "example.org"
