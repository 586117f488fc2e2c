function motd_text()
	return "Welcome"
end
VirtualHost "example.org"
