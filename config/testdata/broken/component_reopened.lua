VirtualHost "example.org"
Component "chat.example.org" "muc"

Component "chat.example.org"
	name = "Chat"
