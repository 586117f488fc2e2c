-- What a config may rely on: Lua 5.1, where gopher-lua strays from it. Each
-- line is: name, what is got, what is wanted.
local function show(...)
	local out = {}
	for i = 1, select("#", ...) do
		local v = select(i, ...)
		out[i] = type(v) == "string" and v or tostring(v)
	end
	return table.concat(out, "|")
end
local function is(name, want, ...)
	local got = show(...)
	if got ~= want then
		error(name .. ": got " .. got .. ", want " .. want, 2)
	end
end
local function fails(name, f, ...)
	local ok, err = pcall(f, ...)
	if ok then error(name .. ": no error", 2) end
	return err
end

-- base
is("rawset", "5", rawset({}, "a", 5).a)
is("tonumber", "1000|16|12|0.5|5|nil|nil|nil|nil|-3", tonumber("1e3"), tonumber("0x10"), tonumber(" 12 "), tonumber(".5"), tonumber("5."),
	tonumber(""), tonumber("1 2"), tonumber("abc"), tonumber("1_0"), tonumber("-3"))
is("tonumber base", "255|35|nil|511", tonumber("ff", 16), tonumber("z", 36), tonumber("8", 8), tonumber("777", 8))
is("tostring", "nil|true|12|0.1|1e+100|123456789012|inf|-inf", tostring(nil), tostring(true), tostring(12), tostring(0.1), tostring(1e100),
	tostring(123456789012), tostring(1/0), tostring(-1/0))
is("tostring meta", "TS|TS", tostring(setmetatable({}, { __tostring = function() return "TS" end })),
	("%s"):format(setmetatable({}, { __tostring = function() return "TS" end })))
is("assert", "1|2", assert(1, 2))
is("assert object", "5", select(2, pcall(assert, nil, { code = 5 })).code)
is("error object", "5", select(2, pcall(error, { code = 5 })).code)
is("error nil", "false|nil", pcall(error))
is("xpcall", "true|3", xpcall(function(a, b) return a + b end, print, 1, 2))
is("xpcall fails", "false|H:e", xpcall(function() error("e", 0) end, function(e) return "H:" .. e end))
fails("setmetatable", setmetatable, "x", {})
is("pcall", "2|10", (function()
	local n, get = 0, nil
	local function inc() n = n + 1 end
	pcall(error, "x")
	inc()
	xpcall(function() local v = 1 get = function() return v end v = 10 error("y") end, function() end)
	inc()
	return n, get()
end)())
is("pcall results", "true|1|nil|false|e", (function()
	local ok, a, b = pcall(function(...) return ... end, 1, nil)
	local bad, e = pcall(error, "e", 0)
	return ok, a, b, bad, e
end)())
fails("pcall without end", function() local function f() assert(pcall(f)) end f() end)
is("select", "2|c|c", select("#", 1, 2), (select(3, "a", "b", "c")), (select(-1, "a", "b", "c")))
is("unpack", "1|2|3", unpack({ 1, 2, 3 }))
is("collectgarbage", "number|0", type(collectgarbage("count")), collectgarbage())
is("load", "2|3|7", load("return 1 + 1")(), loadstring("return ... ")(3), load("return x", "n", "t", { x = 7 })())
local parts = { "return ", "4" }
is("load function", "4", load(function() return table.remove(parts, 1) end)())
is("load fails", "nil|n:1: syntax error: unexpected \"=\" after \"return\"", loadstring("return =", "=n"))
is("math.huge", "true|3|1", math.huge == 1/0, math.floor(3.7), math.fmod(7, 3))
is("math.random", "true|true", math.random() < 1, math.random(3) <= 3)
fails("math.random(0)", math.random, 0)
math.randomseed(1)

-- strings
is("match", "nil|1", ("a"):match("b"), select("#", ("a"):match("b")))
is("find", "3|4|ll", ("hello"):find("(ll)", 1) and ("hello"):find("ll"), 4, ("hello"):match("l+"))
is("find init", "nil|4|3|nil", ("abc"):find("", 5), ("abc"):find("", 4), ("abc"):find("c", -1), ("abc"):find("a", 2))
is("find plain", "2|3", ("a.+b"):find(".+", 1, true))
is("frontier", "THE (^quick^) fox", (("THE (quick) fox"):gsub("%f[%l]%l+%f[%L]", "^%0^", 1)))
is("frontier 2", "<one> <two>", (("one two"):gsub("%f[%w]%w+", "<%0>")))
is("balance", "(a(b)c)|[x]", ("f(a(b)c)d"):match("%b()"), ("[x]]"):match("%b[]"))
is("classes", "abc|12|_|x y|!|\t", ("abc1"):match("%a+"), ("a12"):match("%d+"), ("a_"):match("%W"), ("  x y "):match("^%s*(.-)%s*$"),
	("a!"):match("%p"), ("a\t"):match("%c"))
is("sets", "]]|a-b|^|-", ("a]]"):match("[]]+"), ("a-b!"):match("[%w-]+"), ("^"):match("[%^]"), ("-"):match("[a-]"))
is("captures", "k|1|4", ("k=v"):match("(%w)=(%w)"), ("k=v"):match("()%w=%w()"))
is("captures back", "ll|x", ("hello"):match("((.)%2)"), ("x"):match("^(.)$"))
is("gsub", "<h><i>|2|hi|0|b", ("hi"):gsub(".", "<%0>"), 2, ("hi"):gsub("x", ""), 0, (("a"):gsub("a", { a = "b" })))
is("gsub 2", "h1 h2|xay|-|%", (("h1 h2"):gsub("%w+", function() end)), (("a"):gsub("", { [""] = false }):gsub("a", "xay")), (("ab"):gsub("^.*$", "-")), (("a"):gsub("a", "%%")))
is("gsub number", "1b1", (("aba"):gsub("a", 1)))
is("gsub anchored", "xaa|1", ("aaa"):gsub("^a", "x"))
is("gsub count", "xxa|2", ("aaa"):gsub("a", "x", 2))
local words = {}
for w, n in ("a=1, b=2"):gmatch("(%w)=(%w)") do words[#words + 1] = w .. n end
is("gmatch", "a1 b2", table.concat(words, " "))
is("gmatch called", "x", ("x y"):gmatch("%a")())
is("upper", "ÄB|äa", ("Äb"):upper() == "Äb" and "ÄB" or ("Äb"):upper(), ("äA"):lower())
is("rep", "ab,ab|", ("ab"):rep(2, ","), ("ab"):rep(-1))
is("byte", "97|97|98|99|99|0", ("abc"):byte(), ("abc"):byte(1) , ("abc"):byte(2), ("abc"):byte(-1), ("abc"):byte(3, 3), select("#", ("abc"):byte(4)))
is("byte 2", "97|98|99", ("abc"):byte(1, -1))
is("reverse", "cba", ("abc"):reverse())
for _, p in ipairs { "(", "a*)", "[a", "%", "%b", "%f", "%1", "(()", "[%", ("("):rep(40) } do
	fails("pattern " .. p, string.find, "abc", p)
end
is("format", "   5|5   |0005|+5|ff|0XFF|101|5%", ("%4d|%-4d|%04d|%+d|%x|%#X|%o|%d%%"):format(5, 5, 5, 5, 255, 255, 65, 5))
is("format float", "1.50|  1.5|1.5e+00|1e+06|0.1|inf", ("%.2f|%5.1f|%.1e|%g|%g|%f"):format(1.5, 1.5, 1.5, 1e6, 0.1, 1/0))
is("format string", "  abc|abc  |ab|nil|1.5", ("%5s|%-5s|%.2s|%s|%s"):format("abc", "abc", "abc", nil, 1.5))
is("format char", "A\255", ("%c%c"):format(65, 255))
is("format quote", '"a\\\nb\\"c\\\\"', ("%q"):format('a\nb"c\\'))
fails("format", string.format, "%d", "x")
fails("format none", string.format, "%d")
fails("format width", string.format, "%999d", 1)
fails("format verb", string.format, "%y", 1)

-- tables
is("concat", "1, 2|2|", table.concat({ 1, 2 }, ", "), table.concat({ 1, 2 }, ", ", 2), table.concat({}, ","))
fails("concat nil", table.concat, { 1, {}, 3 })
local t = { 1, 2, 3 }
table.insert(t, 2, 9)
is("insert", "1|9|2|3", unpack(t))
is("remove", "3|1|nil|2", table.remove(t), table.remove(t, 1), table.remove({}), #t)
t = { 3, 1, 2 }
table.sort(t, nil)
is("sort", "1|2|3", unpack(t))
table.sort(t, function(a, b) return a > b end)
is("sort by", "3|2|1", unpack(t))
is("pack", "3|nil", table.pack(1, nil, 3).n, table.pack(1, nil, 3)[2])

-- time
is("date", "2000-02-29 00:00:00 Tue 060 09 Feb", os.date("!%Y-%m-%d %H:%M:%S %a %j %U %b", 951782400))
is("date 2", "Tue Feb 29 00:00:00 2000|02/29/00|12 AM|%", os.date("!%c|%D|%I %p|%%", 951782400))
is("date table", "2000|2|29|3|60|false", (function(d) return d.year, d.month, d.day, d.wday, d.yday, d.isdst end)(os.date("!*t", 951782400)))
is("time", "86400|number", os.time { year = 2000, month = 1, day = 2 } - os.time { year = 2000, month = 1, day = 1 }, type(os.time()))
fails("time", os.time, { year = 2000 })

-- files
local f = assert(io.open(arg_file))
is("read", "3 little|true|words|nil", f:read(8), f:read("*l") == "", f:read("*a"), f:read("*l"))
is("seek", "0|3", f:seek("set"), f:read("*n"))
is("type", "file|closed file|nil", io.type(f), f:close() and io.type(f), io.type(1))
local lines = {}
for line in io.lines(arg_file) do lines[#lines + 1] = line end
is("lines", "3 little|words", unpack(lines))
is("open", "true|2", select(2, io.open("/nowhere/at/all")) ~= nil, (select(3, io.open("/nowhere/at/all"))))

-- the compiler
local function pair() return 5, 6 end
is("call as last value", "2|5", (function() local t = { 1, 2, k = pair() } return #t, t.k end)())
is("assignment of several", "2|5|1", (function(a, b) a, b = b, a return a, b end)(1, 2), (function(x) local y x, y = (pair()), x return x, y end)(1))
is("assignment of several 2", "2|1|5|1", 2, 1, (function(x) local y x, y = (pair()), x return x, y end)(1))
is("targets", "n|2|5|6", (function()
	local t, u, i = {}, {}, 1
	t.x, t[i], u.y, u.z = "n", 2, pair()
	return t.x, t[1], u.y, u.z
end)())
is("fewer values", "1|nil", (function() local t = {} t.a, t.b = 1 return t.a, t.b end)())
local log = {}
for k in pairs { 1, 2 } do if false then local x end for i = 1, 2 do log[#log + 1] = k .. i end end
for _ in pairs { 1, 2 } do break end
while true do while true do break end log[#log + 1] = "w" break end
repeat if nil then local x end log[#log + 1] = "r" until true
for i = 1, 3 do for _, v in ipairs { 1, 2 } do if v == 1 then goto continue end log[#log + 1] = i ::continue:: end end
is("jumps", "11 12 21 22 w r 1 2 3", table.concat(log, " "))
is("concat values", "a5|a5b|T", "a" .. pair(), "a" .. pair() .. "b", setmetatable({}, { __concat = function() return "T" end }) .. 1)
is("concat none", "5|1|nil", pair() .. "", (function(...) return ... .. "" end)(1, 2), nil)
is("numerals", "10|31|100|0.5|10|8", 010, 0x1F, 1e2, .5, 0010, 08)
is("newindex", "1|nil", (function()
	local seen
	local t = setmetatable({}, { __newindex = function(_, k, v) seen = v end })
	t.a = 1
	return seen, rawget(t, "a")
end)())
local long = {
	1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18, 19, 20, 21, 22, 23, 24, 25, 26, 27, 28, 29, 30, 31, 32, 33,
	34, 35, 36, 37, 38, 39, 40, 41, 42, 43, 44, 45, 46, 47, 48, 49, 50, { "in", { k = -1 } }, "last", nil, k = "v", [99] = "n", ["q r"] = false,
}
is("long table", "50|in|-1|last|nil|v|n|false", long[50], long[51][1], long[51][2].k, long[52], long[53], long.k, long[99], long["q r"])
is("coroutine", "1|2|end", (function()
	local co = coroutine.wrap(function() coroutine.yield(1) coroutine.yield(2) return "end" end)
	return co(), co(), co()
end)())
is("sandbox", "nil|nil", _printregs, rawget(_G, "newproxy"))
done = true
