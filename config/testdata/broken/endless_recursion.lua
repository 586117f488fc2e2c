VirtualHost "example.org"
local function f(n)
	return n * f(n - 1)
end
c2s_timeout = f(5)
