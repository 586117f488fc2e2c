VirtualHost "example.org"
	enabled = false
Component "chat.example.org" "muc"
