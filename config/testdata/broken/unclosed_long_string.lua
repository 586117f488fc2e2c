VirtualHost "example.org"
motd_text = [[
	Welcome to
	this server
