VirtualHost "example.org"
if true then
	storage = "memory"
end
end
