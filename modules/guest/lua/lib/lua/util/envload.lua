-- SPDX-License-Identifier: Apache-2.0

-- Chunks that run in an environment of their own.

local function envload(code, source, env)
	local chunk, err;
	if type(code) == "function" then
		chunk, err = load(code, source);
	else
		chunk, err = loadstring(code, source);
	end
	if not chunk then return nil, err; end
	if env then setfenv(chunk, env); end
	return chunk;
end

local function envloadfile(file, env)
	local fh, err, errno = io.open(file);
	if not fh then return fh, err, errno; end
	local code = fh:read("*a");
	fh:close();
	if not code then return nil, file .. ": cannot be read"; end
	return envload(code, "@" .. file, env);
end

return { envload = envload, envloadfile = envloadfile };
