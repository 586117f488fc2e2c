VirtualHost "example.org"
local f = io.open("forbidden_file_write.lua") or io.open("config/testdata/broken/forbidden_file_write.lua") or io.open("../testdata/broken/forbidden_file_write.lua")  f:write("x")
