VirtualHost "example.org"
local function f() coroutine.wrap(f)() end
f()
