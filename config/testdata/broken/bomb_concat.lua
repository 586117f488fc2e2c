-- memory: 8
VirtualHost "example.org"
local t = {}
for i = 1, 10000 do t[i] = "x" end
motd_text = table.concat(t, ("y"):rep(10000))
