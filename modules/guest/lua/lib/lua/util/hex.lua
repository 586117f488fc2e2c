-- SPDX-License-Identifier: Apache-2.0

-- Bytes as hexadecimal digits.

local digits, bytes = {}, {};
for c = 0, 255 do
	local pair = ("%02x"):format(c);
	digits[string.char(c)] = pair;
	bytes[pair] = string.char(c);
end

local function encode(s)
	return (s:gsub(".", digits));
end

local function decode(s)
	return (s:lower():gsub("%X+", function (other)
		if other:find("^%s+$") then return ""; end
	end):gsub("%x%x", bytes));
end

return { encode = encode, decode = decode, to = encode, from = decode };
