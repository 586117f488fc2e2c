-- SPDX-License-Identifier: Apache-2.0

-- For modules that run as a command: words for the terminal.

local human_io = require "util.human.io";

local function printf(...) return print(string.format(...)); end

local function show_message(message, ...) printf(message, ...); end

local function show_warning(message, ...)
	io.stderr:write(message:format(...), "\n");
end

local function show_usage(usage, desc)
	printf("Usage: %s%s%s", "prosodyctl", usage and " " or "", usage or "");
	if desc then print(" " .. desc); end
end

local function show_module_configuration_help(name)
	printf("To configure %s, add it to modules_enabled in the config file.", name);
end

return {
	show_message = show_message;
	show_warning = show_warning;
	show_usage = show_usage;
	show_module_configuration_help = show_module_configuration_help;
	getchar = human_io.getchar;
	getline = human_io.getline;
	getpass = human_io.getpass;
	show_yesno = human_io.show_yesno;
	show_prompt = human_io.show_prompt;
	read_password = human_io.read_password;
};
