limits = {
	c2s = {
		rate = "10kb/s";
		brust = "2s";
	};
}
VirtualHost "example.org"
