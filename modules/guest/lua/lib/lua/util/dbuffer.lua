-- SPDX-License-Identifier: Apache-2.0

-- Buffers of pieces of data, with a bound on their bytes.

local methods = {};
local dbuffer_mt = { __name = "dbuffer", __index = methods };

function methods:write(data)
	if self.max_size and #data + self._length > self.max_size then return nil; end
	if data ~= "" then
		self.pieces[#self.pieces + 1] = data;
		self._length = self._length + #data;
	end
	return true;
end

-- whole makes one piece of all.
local function whole(self)
	if #self.pieces > 1 then self.pieces = { table.concat(self.pieces) }; end
	return self.pieces[1] or "";
end

local function take(self, n)
	local data = whole(self);
	self.pieces = #data > n and { data:sub(n + 1) } or {};
	self._length = #data - math.min(n, #data);
	return data:sub(1, n);
end

function methods:read_chunk()
	local first = table.remove(self.pieces, 1);
	if first then self._length = self._length - #first; end
	return first;
end

-- read takes n bytes, or nil if there are fewer; without n it takes a piece.
function methods:read(n)
	if not n then return self:read_chunk(); end
	if n > self._length then return nil; end
	return take(self, n);
end

function methods:read_until(pattern)
	local _, last = whole(self):find(pattern, 1, true);
	if not last then return nil; end
	return take(self, last);
end

function methods:discard(n)
	if n > self._length then return nil; end
	take(self, n);
	return true;
end

function methods:sub(i, j) return whole(self):sub(i, j); end
function methods:byte(i, j) return whole(self):byte(i, j); end
function methods:length() return self._length; end
methods.len = methods.length;
dbuffer_mt.__len = methods.length;

function methods:collapse() whole(self); end

local function new(max_size)
	if max_size and max_size <= 0 then return nil; end
	return setmetatable({ pieces = {}, _length = 0, max_size = max_size }, dbuffer_mt);
end

return { new = new };
