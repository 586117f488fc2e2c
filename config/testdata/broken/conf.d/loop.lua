Include "../include_loop.lua"
