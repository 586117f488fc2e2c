VirtualHost "example.org"
local lfs = require "lfs"
