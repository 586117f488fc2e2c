VirtualHost "example.org"
Component "chat.example.org" "muc"

VirtualHost "chat.example.org"
