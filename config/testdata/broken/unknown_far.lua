VirtualHost "example.org"
	favourite_colour = "green"
