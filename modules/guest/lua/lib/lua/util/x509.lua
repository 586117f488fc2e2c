-- SPDX-License-Identifier: Apache-2.0

-- Identities in certificates (RFC 6125, RFC 6120 section 13.7).

local idna_to_ascii = require "util.encodings".idna.to_ascii;
local nameprep = require "util.encodings".stringprep.nameprep;
local base64 = require "util.encodings".base64;

local oid_commonname = "2.5.4.3";
local oid_subjectaltname = "2.5.29.17";
local oid_xmppaddr = "1.3.6.1.5.5.7.8.5";
local oid_dnssrv = "1.3.6.1.5.5.7.8.7";

-- matches_dns compares a host with names that may begin with "*.".
local function matches_dns(host, name)
	name = name:lower();
	if host == name then return true; end
	local rest = name:match("^%*(%..+)$");
	if rest then
		local parent = host:match("^[^.]+(%..+)$");
		return parent == rest and rest:find(".", 2, true) ~= nil;
	end
	return false;
end

-- verify_identity reports whether a certificate is for a host, and for a
-- service ("_xmpp-client") if one is named.
local function verify_identity(host, service, cert)
	if cert.setencode then cert:setencode("utf8"); end
	local ascii = idna_to_ascii(host) or host;
	ascii = ascii:lower();
	local names = cert:extensions()[oid_subjectaltname];
	if names then
		local had_any = false;
		for _, address in ipairs(names[oid_xmppaddr] or {}) do
			had_any = true;
			if nameprep(address) == nameprep(host) then return true; end
		end
		if service then
			for _, name in ipairs(names[oid_dnssrv] or {}) do
				had_any = true;
				local srv, domain = name:match("^(_[^.]+)%.(.*)$");
				if srv == service and matches_dns(ascii, domain) then return true; end
			end
		end
		for _, name in ipairs(names.dNSName or {}) do
			had_any = true;
			if matches_dns(ascii, name) then return true; end
		end
		if had_any then return false; end
	end
	-- Only without any name of the kinds above, the common name counts.
	local common, count = nil, 0;
	for _, field in ipairs(cert:subject()) do
		if field.oid == oid_commonname then
			common, count = field.value, count + 1;
		end
	end
	if count ~= 1 then return false; end
	return matches_dns(ascii, common);
end

-- get_identities returns a table of hosts with a table of services each; "*"
-- is any service.
local function get_identities(cert)
	if cert.setencode then cert:setencode("utf8"); end
	local identities = {};
	local function add(host, service)
		host = host:lower();
		identities[host] = identities[host] or {};
		identities[host][service] = true;
	end
	local names = cert:extensions()[oid_subjectaltname];
	if names then
		for _, address in ipairs(names[oid_xmppaddr] or {}) do
			local host = nameprep(address);
			if host then
				add(host, "xmpp-client");
				add(host, "xmpp-server");
			end
		end
		for _, name in ipairs(names[oid_dnssrv] or {}) do
			local srv, host = name:match("^_([^.]+)%.(.*)$");
			if srv then add(host, srv); end
		end
		for _, name in ipairs(names.dNSName or {}) do add(name, "*"); end
	end
	if next(identities) == nil then
		for _, field in ipairs(cert:subject()) do
			if field.oid == oid_commonname then add(field.value, "*"); end
		end
	end
	return identities;
end

local function pem2der(pem)
	local kind, data = pem:match("%-%-%-%-%-BEGIN ([A-Z ]+)%-%-%-%-%-\r?\n([0-9A-Za-z+/=\r\n]*)\r?\n%-%-%-%-%-END %1%-%-%-%-%-");
	if kind and data then return base64.decode(data), kind; end
end

local function der2pem(data, kind)
	kind = kind and kind:upper() or "CERTIFICATE";
	local lines = {};
	local text = base64.encode(data);
	for i = 1, #text, 64 do lines[#lines + 1] = text:sub(i, i + 63); end
	return "-----BEGIN " .. kind .. "-----\n" .. table.concat(lines, "\n") .. "\n-----END " .. kind .. "-----\n";
end

return { verify_identity = verify_identity, get_identities = get_identities, pem2der = pem2der, der2pem = der2pem };
