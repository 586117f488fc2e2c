-- SPDX-License-Identifier: Apache-2.0

-- Talking to somebody at a terminal.

local utf8_length = require "util.encodings".utf8.length;

-- width is how many columns a text takes.
local function width(text)
	return utf8_length((text:gsub("\27%[[%d;]*m", ""))) or #text;
end

local function cut(text, columns)
	local kept, n = {}, 0;
	for c in text:gmatch("[%z\1-\127\194-\244][\128-\191]*") do
		if n == columns then break; end
		n = n + 1;
		kept[n] = c;
	end
	return table.concat(kept);
end

local function ellipsis(text, columns)
	if width(text) <= columns then return text; end
	if columns <= 1 then return cut("\226\128\166", columns); end
	return cut(text, columns - 1) .. "\226\128\166";
end

local function padright(text, columns) return text .. (" "):rep(columns - width(text)); end
local function padleft(text, columns) return (" "):rep(columns - width(text)) .. text; end

local function getchar(n, stream)
	return (stream or io.stdin):read(n or 1);
end

local function getline() return io.read("*l"); end

-- The server's own prompts read passwords; a module's are shown.
local function getpass() return getline(); end

local function show_yesno(prompt)
	io.write(prompt, " ");
	local choice = getchar():lower();
	io.write("\n");
	if not choice:match("%a") then
		choice = prompt:match("%[.-(%U).-%]$");
		if not choice then return nil; end
	end
	return choice == "y";
end

local function read_password()
	while true do
		io.write("Enter new password: ");
		local password = getpass();
		if not password then return; end
		io.write("Retype new password: ");
		if getpass() == password then return password; end
		io.write("Passwords do not match, try again\n");
	end
end

local function show_prompt(prompt)
	io.write(prompt, " ");
	local line = getline();
	return line and line:gsub("\n$", "");
end

local function printf(fmt, ...) print(fmt:format(...)); end

-- table returns a function that makes lines of rows; columns have a title, a
-- width in characters or percent, and perhaps key, mapper and align.
local function new_table(columns, max_width)
	max_width = max_width or tonumber(os.getenv("COLUMNS")) or 80;
	local separator = " | ";
	local left, shares = max_width - #separator * (#columns - 1), 0;
	local widths = {};
	for i, column in ipairs(columns) do
		local share = type(column.width) == "string" and tonumber(column.width:match("^([%d.]+)%%$"));
		if share then
			shares = shares + share;
		elseif column.width then
			widths[i] = column.width;
			left = left - column.width;
		else
			shares = shares + 100 / #columns;
		end
	end
	for i, column in ipairs(columns) do
		if not widths[i] then
			local share = type(column.width) == "string" and tonumber(column.width:match("^([%d.]+)%%$")) or 100 / #columns;
			widths[i] = math.max(math.floor(left * share / shares), 1);
		end
	end
	return function (row)
		local titles;
		if not row then
			titles, row = true, {};
			for i, column in ipairs(columns) do row[i] = column.title or ""; end
		end
		local cells = {};
		for i, column in ipairs(columns) do
			local value = row[not titles and column.key or i];
			if not titles and column.mapper then value = column.mapper(value, row); end
			local text = value == nil and "" or tostring(value);
			text = ellipsis(text, widths[i]);
			cells[i] = (column.align == "right" and padleft or padright)(text, widths[i]);
		end
		return table.concat(cells, separator);
	end;
end

return {
	getchar = getchar;
	getline = getline;
	getpass = getpass;
	show_yesno = show_yesno;
	read_password = read_password;
	show_prompt = show_prompt;
	printf = printf;
	padleft = padleft;
	padright = padright;
	ellipsis = ellipsis;
	table = new_table;
};
