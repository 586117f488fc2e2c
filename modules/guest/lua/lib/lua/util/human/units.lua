-- SPDX-License-Identifier: Apache-2.0

-- Numbers with units that people read.

local large_si = { "k", "M", "G", "T", "P", "E", "Z", "Y" };
local large_binary = { "Ki", "Mi", "Gi", "Ti", "Pi", "Ei", "Zi", "Yi" };
local small = { "m", "\206\188", "n", "p", "f", "a", "z", "y" };

-- adjust returns the factor and the unit, with its prefix, that fit a number.
local function adjust(n, unit, base)
	local scale, prefixes = 1000, large_si;
	if base == "b" then
		scale, prefixes = 1024, large_binary;
	end
	local size = math.abs(n);
	if n ~= 0 and size < 1 and base ~= "b" then
		local step = math.min(math.ceil(-math.log(size) / math.log(1000) - 1e-9), #small);
		if step < 1 then return 1, unit; end
		return 1000 ^ -step, small[step] .. unit;
	end
	if size < scale then return 1, unit; end
	local step = math.min(math.floor(math.log(size) / math.log(scale) + 1e-9), #prefixes);
	return scale ^ step, prefixes[step] .. unit;
end

local function format(n, unit, base)
	local factor, with_prefix = adjust(n, unit, base);
	return ("%.3g %s"):format(n / factor, with_prefix);
end

return { adjust = adjust, format = format };
