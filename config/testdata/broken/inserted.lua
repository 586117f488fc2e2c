local list = { "juliet@example.org" }
for i = 1, 2 do
	table.insert(list, i == 2)
end
admins = list
VirtualHost "example.org"
