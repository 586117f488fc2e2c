VirtualHost "example.org"
limits = {
	c2s = { rate = "10kb/s" };
	s2sin = { rate = "30kb/s" };
	c2s = { rate = "20kb/s" };
}
