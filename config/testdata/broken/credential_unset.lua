VirtualHost "example.org"
component_secret = Credential "gateway"
