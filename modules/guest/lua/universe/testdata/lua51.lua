-- SPDX-License-Identifier: Apache-2.0
-- What Lua 5.1 does where gopher-lua does not: the rows of prosody-compat 1.2,
-- by their numbers. Each check is a function that returns true. It runs in our
-- universe and, if installed, in Lua 5.1 itself; there "later" checks, which
-- are of what 5.2 to 5.4 added or do better, are left out.
--
-- dir is a folder that may be written to; later says whether later checks run.
local dir, later = ...

local failed = 0
local function check(row, name, f)
	local ok, err = pcall(f)
	if not ok or err ~= true then
		failed = failed + 1
		io.stderr:write(("row %s, %s: %s\n"):format(tostring(row), name, ok and "got " .. tostring(err) or tostring(err)))
	end
end
local function since(row, name, f)
	if later then check(row, name, f) end
end
local function same(got, want)
	if got == want then return true end
	error(("got %s, want %s"):format(tostring(got), tostring(want)), 2)
end
local function count(...) return select("#", ...) end
local function fails(f, ...) return not pcall(f, ...) end
local function list(...)
	local t = {}
	for i = 1, select("#", ...) do t[i] = tostring((select(i, ...))) end
	return table.concat(t, " ")
end

check(1, "rawset returns the table", function() local t = {} return rawset(t, "a", 1) == t end)

check(2, "match without match returns one nil", function() return same(count(("a"):match("b")), 1) end)
check(2, "as an argument", function() return same(tostring(("a"):match("b")), "nil") end)
check(2, "from an init", function() return same(count(("a"):match("a", 5)), 1) end)

check(3, "frontier", function() return same((("THE (quick) fox"):gsub("%f[%a]%a+", "w")), "w (w) w") end)
check(3, "frontier at the end", function() return same(("ab"):find("%f[%z]"), 3) end)
check(3, "header case", function() return same((("content-type"):gsub("%f[%w]%w", string.upper)), "Content-Type") end)

since(4, "%g", function() return same((" a b"):match("%g+"), "a") end)
check(4, "^ in gmatch is a character", function() return same(("^a^a"):gmatch("^a")(), "^a") end)
check(4, "gmatch called directly", function() return same(("x y"):gmatch("%a")(), "x") end)

check(5, "tonumber with an exponent", function() return same(list(tonumber("1e3"), tonumber("1E-2"), tonumber(" 0x10 ")), "1000 0.01 16") end)
check(5, "what is no number", function() return same(list(tonumber(""), tonumber("1_0"), tonumber("1 2")), "nil nil nil") end)
check(5, "bases", function() return same(list(tonumber("ff", 16), tonumber("z", 36), tonumber("8", 8)), "255 35 nil") end)

since(5, "negative, in a base", function() return same(list(tonumber("-10", 36), tonumber(" -ff ", 16), tonumber("-3")), "-36 -255 -3") end)

check(6, "%c of a high byte", function() return same(("%c"):format(200), "\200") end)

check(7, "%q can be read back", function()
	local s = 'a\n"b"\\\0\r\200'
	return same(loadstring("return " .. ("%q"):format(s))(), s)
end)

since(8, "%s uses __tostring", function() return same(("%s"):format(setmetatable({}, { __tostring = function() return "T" end })), "T") end)

check(9, "%u", function() return same(("%u"):format(7), "7") end)
check(9, "missing argument", function() return fails(string.format, "%d") end)
check(9, "unknown conversion", function() return fails(string.format, "%y", 1) end)
since(9, "%a", function() return same(("%a"):format(1), "0x1p+0") end)
check(9, "flags and widths", function() return same(("%5.1f|%-4d|%04d|%+d|%#x|%.3s|%%"):format(1.25, 5, 5, 5, 255, "abcdef"), "  1.2|5   |0005|+5|0xff|abc|%") end)

check(10, "case is of ASCII", function() return same(("\195\132b\255"):upper() .. ("\195\132B\255"):lower(), "\195\132B\255\195\132b\255") end)

check(11, "tostring of numbers", function() return same(list(0.1, 1e100, 100, -0.5, 3.14159265358979), "0.1 1e+100 100 -0.5 3.1415926535898") end)
check(11, "infinities", function() return same(list(1/0, -1/0), "inf -inf") end)
check(11, "in a concatenation", function() return same(1/0 .. " " .. 1/3, "inf 0.33333333333333") end)
since(11, "whole numbers in full", function() return same(tostring(1e15) .. 2^53, "10000000000000009007199254740992") end)

check(12, "os.date(format, nil)", function() return same(os.date("%Y", nil), os.date("%Y")) end)
check(12, "os.date(nil)", function() return type(os.date(nil)) == "string" end)
check(12, "table.sort(t, nil)", function() local t = { 2, 1 } table.sort(t, nil) return same(t[1], 1) end)
check(12, "io.open(path, nil)", function() return io.open(dir .. "/nothing", nil) == nil end)
since(12, "table.remove(t, nil)", function() local t = { 1, 2 } return same(table.remove(t, nil), 2) end)
check(12, "file:seek(nil, nil)", function()
	local f = assert(io.open(dir .. "/seek", "w"))
	f:write("abc")
	local at = f:seek(nil, nil)
	f:close()
	return same(at, 3)
end)

local t0 = 951782400 -- Tue Feb 29 2000
check(13, "strftime", function() return same(os.date("!%T|%e|%j|%D|%R|%U|%V|%u|%n|%t|%%|%a|%A|%b|%I %p|%x", t0),
	"00:00:00|29|060|02/29/00|00:00|09|09|2|\n|\t|%|Tue|Tuesday|Feb|12 AM|02/29/00") end)
check(13, "%s", function() return same(os.date("%s", t0), tostring(t0)) end)
check(13, "*t", function() local d = os.date("!*t", t0) return same(list(d.year, d.month, d.day, d.wday, d.yday, d.isdst), "2000 2 29 3 60 false") end)

check(14, "os.time without a day", function() return fails(os.time, { year = 2000, month = 1 }) end)
check(14, "os.time overflows fields", function() return same(os.time { year = 2000, month = 1, day = 32 } - os.time { year = 2000, month = 1, day = 1 }, 31 * 86400) end)

check(15, "errno of io.open", function() local f, text, n = io.open(dir .. "/nothing") return same(list(f, text, n), "nil " .. dir .. "/nothing: No such file or directory 2") end)
check(15, "errno of os.remove", function() local ok, text, n = os.remove(dir .. "/nothing") return same(list(ok, text, n), "nil " .. dir .. "/nothing: No such file or directory 2") end)
check(15, "errno of os.rename", function() return same((select(3, os.rename(dir .. "/nothing", dir .. "/other"))), 2) end)

check(16, "setvbuf, read, lines", function()
	local f = assert(io.open(dir .. "/file", "w"))
	assert(f:setvbuf("line"))
	f:write("12 little\nwords\n", 5, "\nend")
	f:close()
	f = assert(io.open(dir .. "/file"))
	local got = list(f:read("*n", "*l", 3, "*l"))
	local rest = f:read("*a")
	got = got .. "|" .. rest .. "|" .. list(f:read("*a")) .. "|" .. list(f:read("*l"))
	f:close()
	for l in io.lines(dir .. "/file") do got = got .. "/" .. l end
	return same(got, "12  little wor ds|5\nend||nil/12 little/words/5/end")
end)
since(16, "formats without a star, lines with one", function()
	local f = assert(io.open(dir .. "/file"))
	local got = f:read("a")
	f:close()
	local n = 0
	for _ in io.lines(dir .. "/file", 1) do n = n + 1 end
	return same(n, #got)
end)
check(16, "append and update", function()
	local f = assert(io.open(dir .. "/append", "a"))
	f:write("a")
	f:close()
	f = assert(io.open(dir .. "/append", "a+"))
	f:write("b")
	f:seek("set")
	local s = f:read("*a")
	f:close()
	f = assert(io.open(dir .. "/append", "r+"))
	f:seek("set", 1)
	f:write("c")
	f:close()
	f = assert(io.open(dir .. "/append"))
	s = s .. f:read("*a")
	f:close()
	return same(s, "abac")
end)

check(17, "a folder can not be read", function() local f = io.open(dir) return not f or f:read(1) == nil end)
check(18, "write succeeds", function() local f = assert(io.open(dir .. "/w", "w")) local ok = f:write("x") f:close() return ok and true end)
check(18, "a closed file", function() local f = assert(io.open(dir .. "/w", "w")) f:close() return fails(f.write, f, "x") and io.type(f) == "closed file" end)

check(19, "collectgarbage", function() return type(collectgarbage("count")) == "number" and collectgarbage() == 0 end)
check(20, "a weak table can be made", function() local t = setmetatable({}, { __mode = "k" }) t[t] = 1 return same(t[t], 1) end)
check(21, "newproxy", function() return type(newproxy(true)) == "userdata" end)

-- Lua 5.1 forbids these; 5.4 allows all of them.
since(22, "yield across pcall", function()
	local co = coroutine.wrap(function() return pcall(function() return coroutine.yield(1) + 1 end) end)
	return same(list(co()) .. list(co(5)), "1true 6")
end)
since(22, "yield across xpcall", function()
	local co = coroutine.wrap(function() return xpcall(function() error(coroutine.yield(1), 0) end, function(e) return "H" .. e end) end)
	return same(list(co()) .. list(co("x")), "1false Hx")
end)
since(22, "yield in a metamethod", function()
	local t = setmetatable({}, { __index = function(_, k) return coroutine.yield(k) end, __add = function(a, b) return coroutine.yield("add") end })
	local co = coroutine.wrap(function() return t.key .. (t + 1) end)
	return same(co() .. co("a") .. co("b"), "keyaddab")
end)
since(22, "yield in an iterator", function()
	local co = coroutine.wrap(function() local n = 0 for v in function() return coroutine.yield("it") end do n = n + v end return n end)
	return same(co() .. co(1) .. co(2) .. co(nil), "ititit3")
end)
since(22, "yield in sort and gsub", function()
	local co = coroutine.wrap(function()
		local t = { 2, 1 }
		table.sort(t, function(a, b) coroutine.yield("s") return a < b end)
		return (("x"):gsub(".", function() return coroutine.yield("g") end)) .. t[1]
	end)
	local got = co()
	repeat got = co("r") until got ~= "s"
	return same(got .. co("r"), "gr1")
end)
check(22, "yield outside of a coroutine is an error", function() return fails(coroutine.yield, 1) end)

check(23, "tail call of yield", function()
	local co = coroutine.create(function(x) return coroutine.yield(x) end)
	return same(list(coroutine.resume(co, 1)) .. list(coroutine.resume(co, 2)) .. list(coroutine.resume(co)), "true 1true 2false cannot resume dead coroutine")
end)
check(23, "chain of tail calls", function()
	local function c(x) return coroutine.yield(x) end
	local function b(x) return c(x) end
	local co = coroutine.wrap(function(x) return b(x) end)
	return same(co(1) + co(2), 3)
end)

check(24, "traceback", function()
	local function inner() return debug.traceback("message", 1), 1 end
	local text = inner()
	return text:match("^message\nstack traceback:\n\t") ~= nil and text:match("in function 'inner'") ~= nil or text
end)
check(24, "traceback of what is no string", function() local t = {} return debug.traceback(t) == t end)
check(24, "traceback of a coroutine", function()
	local co = coroutine.create(function() local function deep() coroutine.yield() end deep() end)
	coroutine.resume(co)
	local text = debug.traceback(co, "m")
	return text:match("^m\nstack traceback:\n.*'yield'.*'deep'") ~= nil or text
end)
check(24, "traceback of a coroutine that failed", function()
	local co = coroutine.create(function() local function deep() error("e") end deep() end)
	coroutine.resume(co)
	local text = debug.traceback(co)
	return text:match("'deep'") ~= nil or text
end)
check(24, "traceback across pcall", function()
	local function outer() return pcall(debug.traceback) end
	local _, text = outer()
	return text:match("'outer'") ~= nil or text
end)
check(24, "getinfo", function()
	local i = debug.getinfo(1, "Sl")
	return same(list(i.what, type(i.currentline), i.short_src:match("lua51.lua$"), i.source:sub(1, 1)), "Lua number lua51.lua @")
end)
check(24, "getinfo of functions", function()
	local i = debug.getinfo(print)
	local function two(a, b) return a, failed end
	local j = debug.getinfo(two, "Su")
	return same(list(i.what, i.currentline, i.short_src, j.nups, j.lastlinedefined - j.linedefined), "C -1 [C] 1 0")
end)
check(24, "getinfo beyond the stack", function() return debug.getinfo(1000) == nil end)
check(24, "getinfo of a coroutine", function()
	local co = coroutine.create(function() coroutine.yield() end)
	coroutine.resume(co)
	return same(list(debug.getinfo(co, 0, "S").what, debug.getinfo(co, 1, "S").what, debug.getinfo(co, 2)), "C Lua nil")
end)
check(24, "getlocal", function()
	local mine = 5
	local name, value
	for i = 1, 9 do
		name, value = debug.getlocal(1, i)
		if name == "mine" then break end
	end
	return same(list(name, value), "mine 5")
end)
check(24, "getlocal of a coroutine", function()
	local co = coroutine.create(function(self) coroutine.yield() end)
	coroutine.resume(co, "me")
	return same(list(debug.getlocal(co, 1, 1)), "self me")
end)
since(24, "getlocal of a function", function() return same(debug.getlocal(function(first) return first end, 1), "first") end)
check(24, "hooks", function() debug.sethook() return debug.gethook() == nil end)
check(24, "upvalues", function()
	local a, b = 1, 2
	local function f() return a, b .. "x" end
	local got = list(debug.getupvalue(f, 1)) .. list(debug.getupvalue(f, 2)) .. list(debug.getupvalue(f, 3))
	debug.setupvalue(f, 1, 9)
	return same(got .. a, "a 1b 29")
end)

check(25, "@ in chunk names", function()
	local _, err = pcall(loadstring("error('e')", "@/a/path"))
	local _, err2 = loadstring("x x", "@/a/path")
	return same(err .. err2:sub(1, 10), "/a/path:1: e/a/path:1:")
end)
check(25, "= and no name", function()
	local _, err = pcall(loadstring("error('e')", "=name"))
	local _, err2 = pcall(loadstring("error('e')"))
	return same(err .. err2, "name:1: e[string \"error('e')\"]:1: e")
end)
check(25, "names of sources", function()
	local function short(...) return debug.getinfo(loadstring(...), "S").short_src end
	return same(short("x=1\ny=2") .. short("x=1", "") .. short("x=1", "of several\nlines") .. short("x=1", "@f.lua"), '[string "x=1..."][string ""][string "of several..."]f.lua')
end)
check(25, "source", function() return same(debug.getinfo(loadstring("", "@f"), "S").source .. debug.getinfo(loadstring("", "=f2"), "S").source, "@f=f2") end)

check(26, "errors have a place", function()
	local _, err = pcall(function() local x; return x.y end)
	return err:match("lua51.lua:%d+: .*index.*nil") ~= nil or err
end)
check(27, "resume of a dead coroutine", function()
	local co = coroutine.create(function() end)
	coroutine.resume(co)
	return same(list(coroutine.resume(co)) .. coroutine.status(co), "false cannot resume dead coroutinedead")
end)
check(27, "resume of itself", function()
	local co
	co = coroutine.wrap(function() return coroutine.resume(coroutine.running()) end)
	return same(list(co()), "false cannot resume running coroutine")
end)

check(28, "error with any value", function() local t = {} local _, e = pcall(error, t) return e == t end)
check(28, "error with nil", function() return same(list(pcall(error)), "false nil") end)
since(28, "assert with any value", function() local t = {} local _, e = pcall(assert, nil, t) return e == t end)
check(28, "assert", function() return same(list(assert(1, 2)) .. list(pcall(assert, false)), "1 2false assertion failed!") end)
check(28, "levels", function()
	local function thrower() error("e", 2) end
	local _, err = pcall(function()
		thrower()
	end)
	return err:match("lua51.lua:%d+: e$") ~= nil or err
end)

check(29, "setmetatable on what is protected", function() return fails(setmetatable, setmetatable({}, { __metatable = 1 }), {}) end)
check(29, "setmetatable takes tables alone", function() return fails(setmetatable, "x", {}) and fails(setmetatable, 1, {}) and fails(setmetatable, {}) and ("x"):upper() == "X" end)
check(30, "pairs knows no __pairs", function() local n = 0 for _ in pairs(setmetatable({ 1 }, { __pairs = function() return function() end end })) do n = n + 1 end return same(n, 1) end)

check(31, "deep recursion", function()
	local function deep(n) if n == 0 then return 0 end return 1 + deep(n - 1) end
	return same(deep(15000), 15000)
end)
check(31, "recursion without end is an error", function()
	local function endless() return 1 + endless() end
	local ok, err = pcall(endless)
	return not ok and err:match("stack overflow") ~= nil
end)
check(31, "protected recursion without end is an error", function()
	local function endless() local ok, err = pcall(endless) if not ok then error(err, 0) end end
	return fails(endless)
end)
check(31, "long concat and unpack", function()
	local t = {}
	for i = 1, 70000 do t[i] = "x" end
	local small = {}
	for i = 1, 7000 do small[i] = i end
	return same(#table.concat(t) + count(unpack(small)), 77000)
end)

check(32, "table.insert in the middle", function() local t = { 1, 3 } table.insert(t, 2, 2) return same(table.concat(t), "123") end)
check(32, "large indices are cheap", function() local a = {} for i = 0, 50 do a[2 ^ i] = true end return same(a[2 ^ 40], true) and a[#a] == true end)
check(32, "table.maxn", function() return same(list(table.maxn {}, table.maxn { [1000] = 1 }, table.maxn { a = 1, [24.5] = 3, 7 }), "0 1000 24.5") end)
check(33, "sort with an order", function() local t = { 1, 3, 2 } table.sort(t, function(a, b) return a > b end) return same(table.concat(t), "321") end)
check(34, "next", function() local t = { a = 1 } return same(list(next(t)) .. list(next(t, "a")) .. list(next({})), "a 1nilnil") end)
check(35, "pairs may clear what it visits", function() local t, n = { a = 1, b = 2, c = 3, 4, 5 }, 0 for k in pairs(t) do t[k] = nil n = n + 1 end return same(n, 5) and next(t) == nil end)
check(36, "string.dump is a function", function() return type(string.dump) == "function" end)
check(37, "ten thousand calls", function() local n = 0 local function f() n = n + 1 end for _ = 1, 10000 do f() end return same(n, 10000) end)

check(38, "find of nothing", function() return same(list(("abc"):find("", 4)) .. list(("abc"):find("b", -2)), "4 32 2") end)
since(38, "find of nothing behind the end", function() return same(list(("abc"):find("", 10)), "nil") end)
check(38, "gsub with a number", function() return same((("aba"):gsub("a", 1)), "1b1") end)
since(38, "gsub with a lone %", function() return fails(string.gsub, "a", "a", "%") end)
check(38, "gsub with captures, tables, functions", function()
	return same((("k=v"):gsub("(%w)=(%w)", "%2=%1")) .. (("a b"):gsub("%a", { a = 1, b = false })) .. (("ab"):gsub("", "-")) .. select(2, ("aaa"):gsub("a", "x", 2)), "v=k1 b-a-b-2")
end)
check(38, "malformed patterns", function()
	for _, p in ipairs { "(", "[a", "%", "%b", "%1", "(()", "[%" } do
		if not fails(string.find, "abc", p) then return p end
	end
	return true
end)

check(39, "closures per iteration", function() local f = {} for i = 1, 2 do f[i] = function() return i end end return same(f[1]() + f[2](), 3) end)
check(39, "varargs with nil", function() return same(count(nil, nil), 2) and same(list((select(-1, 1, 2))), "2") end)
check(39, "setfenv", function() local f = setfenv(function() return x end, { x = 5 }) return same(f(), 5) and getfenv(f).x == 5 end)
check(39, "setfenv of a level", function() local function f() setfenv(1, { y = 6 }) return y end return same(f(), 6) end)
check(39, "getfenv across pcall", function() local env = setmetatable({}, { __index = _G }) local f = setfenv(function() local _, e = pcall(getfenv, 2) return e end, env) return type(f()) == "table" end)
check(39, "os.setlocale", function() return same(os.setlocale("none_OF"), nil) and os.setlocale("C") == "C" end)
check(39, "gcinfo", function() return type(gcinfo()) == "number" end)
check(39, "os.getenv", function() return os.getenv("NOT_SET_AT_ALL") == nil end)
check(39, "io.popen", function() local p = io.popen("echo hello") local s = p:read("*a") p:close() return same(s, "hello\n") end)
since(39, "rep with a separator", function() return same(("ab"):rep(3, ","), "ab,ab,ab") end)
since(39, "goto", function() return same(loadstring("local n = 0 for i = 1, 4 do if i % 2 == 0 then goto continue end n = n + i ::continue:: end return n")(), 4) end)

-- Faults of gopher-lua's that the table does not have.
check("pcall", "an error leaves the locals of the caller alone", function()
	local n = 0
	local function inc() n = n + 1 end
	pcall(error, "x")
	inc()
	xpcall(function() error("y") end, function() end)
	inc()
	return same(n, 2)
end)
check("pcall", "what failed keeps its upvalues", function()
	local get
	pcall(function() local v = 1 get = function() return v end v = 2 error("x") end)
	local junk = { 1, 2, 3, 4, 5, 6, 7, 8 }
	return same(get() + #junk, 10)
end)
check("pcall", "recursive local functions survive it", function()
	local later_defined
	local function caller() return later_defined() end
	pcall(error)
	later_defined = function() return 7 end
	return same(caller(), 7)
end)
check("540", "jumps at the start of loops", function()
	local log = {}
	for k in pairs { 1, 2 } do if false then local x end for i = 1, 2 do log[#log + 1] = k .. i end end
	while true do while true do break end log[#log + 1] = "w" break end
	repeat if nil then local x end log[#log + 1] = "r" until true
	return same(table.concat(log, " "), "11 12 21 22 w r")
end)
check("compiler", "a call as the last value with a key", function() local function two() return 5, 6 end local t = { 1, 2, k = two() } return same(#t + t.k, 7) end)
check("compiler", "assignment of several", function() local a, b, t = 1, 2, {} a, b, t.x = b, a, a return same(list(a, b, t.x), "2 1 1") end)
check("compiler", "numerals", function() return same(list(010, 0x1F, 1e2, .5, 08), "10 31 100 0.5 8") end)
check("compiler", "a long constructor", function()
	local parts = {}
	for i = 1, 30000 do parts[i] = i end
	return same(#loadstring("return {" .. table.concat(parts, ",") .. "}")(), 30000)
end)
check("compiler", "a long concatenation", function()
	local parts = {}
	for i = 1, 150 do parts[i] = "'x'" end
	return same(#loadstring("return " .. table.concat(parts, ".."))(), 150)
end)
check("compiler", "concatenation metamethods", function() return same(setmetatable({}, { __concat = function(a, b) return "C" end }) .. 1 .. "x", "C") end)

-- What 5.2 to 5.4 have and modules use.
since("1.1", "table", function() local t = table.pack(1, nil, 3) return same(list(t.n, table.unpack({ 1, 2 })) .. list(unpack(table.move({ 1, 2, 3 }, 1, 3, 2))), "3 1 21 1 2 3") end)
since("1.1", "load", function() return same(list(load("return 7")(), (load("x x"))), "7 nil") end)
since("1.1", "load of a function", function() local parts = { "return ", "4" } return same(load(function() return table.remove(parts, 1) end)(), 4) end)
since("1.1", "load of an environment", function() return same(load("return x", "n", "t", { x = 7 })(), 7) and load("", "n", "b") == nil end)
since("1.1", "xpcall with arguments", function() return same(list(xpcall(function(...) return ... end, print, 1, nil, 3)), "true 1 nil 3") end)
since("1.1", "rawlen", function() return same(rawlen({ 1, 2 }) + rawlen("abc"), 5) end)
since("1.1", "coroutines", function()
	local co = coroutine.create(function() coroutine.yield(coroutine.isyieldable()) end)
	local _, yieldable = coroutine.resume(co)
	return same(list(yieldable, coroutine.isyieldable(), coroutine.close(co), coroutine.status(co)), "true false true dead")
end)
since("1.1", "close runs no more of it", function()
	local went
	local co = coroutine.create(function() pcall(coroutine.yield) went = true end)
	coroutine.resume(co)
	coroutine.close(co)
	return went == nil
end)
since("1.1", "math", function() return same(list(math.type(1), math.type(1.5), math.type("1"), math.tointeger(3.0), math.tointeger(3.5)), "integer float nil 3 nil") end)
since("1.1", "bit32", function() return same(list(bit32.band(0xF0, 0x3C), bit32.bor(1, 2), bit32.bxor(5, 1), bit32.bnot(0), bit32.lshift(1, 31), bit32.rshift(-1, 28),
	bit32.arshift(-16, 2), bit32.lrotate(0x80000001, 1), bit32.extract(0xABCD, 4, 8), bit32.replace(0, 5, 4, 4), bit32.btest(1, 2), bit32.lshift(1, 32)),
	"48 3 4 4294967295 2147483648 15 4294967292 3 188 80 false 0") end)
since("1.1", "utf8", function() return same(list(utf8.char(72, 228, 8364), utf8.codepoint("\195\164"), utf8.len("h\195\164"), (utf8.len("\255"))), "H\195\164\226\130\172 228 2 nil") end)
since("1.1", "utf8.charpattern", function() local n = 0 for _ in ("h\195\164\226\130\172"):gmatch(utf8.charpattern) do n = n + 1 end return same(n, 3) end)
since("1.1", "functions have fields", function()
	local up = 1
	local function f(a, ...) return up, a, ... end
	f.up = 5
	return same(list(up, f.up, f.nothing, (tostring(f):gsub(":%d+", ""):gsub("^function<.*/?lua51.lua>", ""))), "5 5 nil (a, ...)")
end)
check("1.1", "package", function() return same(package.config:sub(1, 5), "/\n;\n?") and type(package.loaded) == "table" and type(package.preload) == "table" and type(package.loaders) == "table" end)
check("1.1", "math.huge", function() return same(math.huge, 1/0) end)
check("1.1", "_VERSION", function() return same(_VERSION, "Lua 5.1") end)
check("1.1", "module and preload", function()
	package.preload["a.module"] = function(name) module(name, package.seeall) function f() return _NAME end end
	return same(require("a.module").f() .. a.module.f(), "a.modulea.module")
end)
check("1.1", "coroutine.running in a coroutine", function() return same(coroutine.wrap(function() return type(coroutine.running()) end)(), "thread") end)

if failed > 0 then
	error(failed .. " checks failed", 0)
end
