-- memory: 8
VirtualHost "example.org"
local t = {}
for _ = 1, 40 do t = { t, t } end
limits = t
