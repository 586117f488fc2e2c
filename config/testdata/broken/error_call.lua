VirtualHost "example.org"
local function need(name)
	if not os.getenv(name) then
		error(name .. " is not set", 2)
	end
end
need "HOME"
need "XMPP_DOMAIN"
