VirtualHost "example.org"
dofile "../../config.go"
