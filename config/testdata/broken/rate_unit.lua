VirtualHost "example.org"
limits = {
	c2s = {
		rate = "10kb";
		burst = "2s";
	};
}
