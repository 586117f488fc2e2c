VirtualHost "example.org"
component_secret = "hunter2" "x"
