-- SPDX-License-Identifier: Apache-2.0

-- Sources that give pieces of data, sinks that take them, filters between.

local ltn12 = { BLOCKSIZE = 2048 };
local filter, source, sink, pump = {}, {}, {}, {};
ltn12.filter, ltn12.source, ltn12.sink, ltn12.pump = filter, source, sink, pump;

-- cycle makes a filter of a function f(context, chunk, extra) -> out, context.
function filter.cycle(low, context, extra)
	return function (chunk)
		local out;
		out, context = low(context, chunk, extra);
		return out;
	end;
end

-- chain passes data through filters one after the other.
function filter.chain(...)
	local filters, n = { ... }, select("#", ...);
	return function (chunk)
		for i = 1, n do
			local last = chunk == nil;
			local out = filters[i](chunk);
			if last and out ~= nil and out ~= "" then
				local rest = filters[i](nil);
				if rest then out = out .. rest; end
			end
			chunk = out;
		end
		return chunk;
	end;
end

function source.empty() return function () return nil; end; end
function source.error(err) return function () return nil, err; end; end

function source.file(handle, err)
	if not handle then return source.error(err or "unable to open file"); end
	return function ()
		local chunk = handle:read(ltn12.BLOCKSIZE);
		if not chunk then handle:close(); end
		return chunk;
	end;
end

function source.string(s)
	if not s then return source.empty(); end
	local at = 1;
	return function ()
		local chunk = s:sub(at, at + ltn12.BLOCKSIZE - 1);
		at = at + ltn12.BLOCKSIZE;
		if chunk ~= "" then return chunk; end
	end;
end

function source.table(list)
	local i = 0;
	return function ()
		i = i + 1;
		return list[i];
	end;
end

-- simplify takes sources that return the next source with each chunk.
function source.simplify(src)
	return function ()
		local chunk, next_source = src();
		if not chunk then return nil, next_source; end
		src = next_source or src;
		return chunk;
	end;
end

-- rewind makes a source that takes chunks back.
function source.rewind(src)
	local returned = {};
	return function (chunk)
		if not chunk then
			chunk = table.remove(returned);
			if chunk then return chunk; end
			return src();
		end
		returned[#returned + 1] = chunk;
	end;
end

function source.chain(src, ...)
	local through, ended = filter.chain(...), false;
	return function ()
		while not ended do
			local chunk, err = src();
			if err then return nil, err; end
			ended = chunk == nil;
			local out = through(chunk);
			if out and out ~= "" then return out; end
		end
	end;
end

function source.cat(...)
	local sources = { ... };
	return function ()
		while sources[1] do
			local chunk, err = sources[1]();
			if chunk or err then return chunk, err; end
			table.remove(sources, 1);
		end
	end;
end

function sink.null() return function () return 1; end; end
function sink.error(err) return function () return nil, err; end; end

-- table returns a sink, and the list that it fills.
function sink.table(list)
	list = list or {};
	return function (chunk)
		if chunk then list[#list + 1] = chunk; end
		return 1;
	end, list;
end

function sink.file(handle, err)
	if not handle then return sink.error(err or "unable to open file"); end
	return function (chunk)
		if not chunk then
			handle:close();
			return 1;
		end
		return handle:write(chunk);
	end;
end

function sink.simplify(snk)
	return function (chunk, err)
		local ok, other = snk(chunk, err);
		if not ok then return nil, other; end
		snk = other or snk;
		return 1;
	end;
end

-- chain puts filters before a sink, which is the last argument.
function sink.chain(...)
	local n = select("#", ...);
	local snk, through = (select(n, ...)), filter.chain((table.unpack or unpack)({ ... }, 1, n - 1));
	return function (chunk, err)
		local out = through(chunk);
		if out and out ~= "" then
			local ok, why = snk(out, err);
			if not ok then return nil, why; end
		end
		if chunk == nil then return snk(nil, err); end
		return 1;
	end;
end

function pump.step(src, snk)
	local chunk, err = src();
	local ok, why = snk(chunk, err);
	if chunk and ok then return 1; end
	return nil, err or why;
end

-- all moves data until there is no more.
function pump.all(src, snk, step)
	step = step or pump.step;
	while true do
		local ok, err = step(src, snk);
		if not ok then
			if err then return nil, err; end
			return 1;
		end
	end
end

return ltn12;
