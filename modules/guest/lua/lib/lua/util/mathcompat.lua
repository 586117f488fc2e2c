-- SPDX-License-Identifier: Apache-2.0

-- math.type where it is missing.

if not math.type then
	function math.type(n)
		if type(n) ~= "number" then return nil; end
		return n % 1 == 0 and n <= 9007199254740992 and n >= -9007199254740992 and "integer" or "float";
	end
end
return true;
