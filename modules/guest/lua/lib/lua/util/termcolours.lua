-- SPDX-License-Identifier: Apache-2.0

-- Colours of terminals.

local styles = {
	reset = 0; bright = 1; bold = 1; dim = 2; underscore = 4; underline = 4; blink = 5; reverse = 7; hidden = 8;
	black = 30; red = 31; green = 32; yellow = 33; blue = 34; magenta = 35; cyan = 36; white = 37;
	["black background"] = 40; ["red background"] = 41; ["green background"] = 42; ["yellow background"] = 43;
	["blue background"] = 44; ["magenta background"] = 45; ["cyan background"] = 46; ["white background"] = 47;
};

-- rgb finds the nearest of the 216 colours of a terminal's cube.
local function rgb(code)
	local r, g, b = code:match("^(%x%x)(%x%x)(%x%x)$");
	if not r then return nil; end
	local function step(channel) return math.floor(tonumber(channel, 16) / 51 + 0.5); end
	return ("38;5;%d"):format(16 + 36 * step(r) + 6 * step(g) + step(b));
end

local function getstyle(...)
	local codes = {};
	for i, name in ipairs({ ... }) do
		codes[i] = styles[name] or rgb(name) or error("unknown style: " .. tostring(name), 2);
	end
	return table.concat(codes, ";");
end

local function getstring(style, text)
	if style then return ("\27[%sm%s\27[0m"):format(style, text); end
	return text;
end

local function setstyle(style)
	io.write("\27[" .. (style or "0") .. "m");
end

local css = {
	["1"] = "font-weight:bold"; ["4"] = "text-decoration:underline"; ["30"] = "color:black"; ["31"] = "color:red";
	["32"] = "color:green"; ["33"] = "color:yellow"; ["34"] = "color:blue"; ["35"] = "color:magenta";
	["36"] = "color:cyan"; ["37"] = "color:white";
};

-- tohtml turns the codes of styles into elements.
local function tohtml(text)
	return text:gsub("\27%[(.-)m", function (codes)
		local rules = {};
		for code in codes:gmatch("[^;]+") do rules[#rules + 1] = css[code]; end
		return "</span><span style='" .. table.concat(rules, ";") .. "'>";
	end);
end

return { getstyle = getstyle, getstring = getstring, setstyle = setstyle, tohtml = tohtml };
