-- memory: 32
VirtualHost "example.org"
while true do print(("x"):rep(100000)) end
