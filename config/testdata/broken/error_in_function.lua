VirtualHost "example.org"
local function f(t)
	return t.a.b
end
motd_text = f { a = false }
