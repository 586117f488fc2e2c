local l = {}
l.c2s = { rate = "10kb/s" }
l.s2sin = {}
l.s2sin.rate = "30kb"
limits = l
VirtualHost "example.org"
