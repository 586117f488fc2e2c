-- SPDX-License-Identifier: Apache-2.0

-- Options of a command: --name=value, --name value, -v, --no-name.

local function parse(args, config)
	local short, with_value = config and config.short_params or {}, config and config.value_params or {};
	local options = {};
	while args[1] do
		local arg = args[1];
		if arg:sub(1, 1) ~= "-" or arg == "-" then break; end
		table.remove(args, 1);
		if arg == "--" then break; end
		local name, value = arg:match("^%-%-?([^=]+)=?(.*)$");
		local has_value = arg:find("=", 1, true) ~= nil;
		if arg:sub(1, 2) ~= "--" and #name == 1 then
			if config and config.short_params and not short[name] then return nil, "param-not-found", arg; end
			name = short[name] or name;
		end
		name = name:gsub("%-", "_");
		if not has_value and with_value[name] then
			value = table.remove(args, 1);
			if value == nil then return nil, "missing-value", arg; end
			options[name] = value;
		elseif has_value then
			options[name] = value;
		elseif name:find("^no_") then
			options[name:sub(4)] = false;
		else
			options[name] = true;
		end
	end
	for i = 1, #args do options[i] = args[i]; end
	return options;
end

return { parse = parse };
