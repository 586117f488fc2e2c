VirtualHost "example.org"

local function hosts(list)
	for _, name in ipairs(list) do
		VirtualHost(name)
	end

hosts { "a.example.org" }
