-- time: 100ms
VirtualHost "example.org"
table.sort({ 2, 1 }, function() while true do end end)
