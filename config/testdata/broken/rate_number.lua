limits = {
	c2s = { rate = 10000 };
	s2sin = { rate = "fast" };
}
VirtualHost "example.org"
