-- The configuration of Tercet.
--
-- This file is a Lua program in the style of Prosody: what is assigned here is
-- an option. Check it with
--     tercet check
-- which names the line of whatever is wrong, and let a running server read it
-- again with
--     tercet reload
-- which says what will change and keeps every session it can.


-- The whole server ----------------------------------------------------------
-- What stands above the first VirtualHost counts for the server and all its
-- hosts, unless a host says otherwise.

-- Who may administer the server through an XMPP client. Accounts are added with
--     tercet adduser you@localhost
--admins = { "you@localhost" }

-- Where accounts, rosters, archives and everything else are kept: a folder of
-- the server's own. Relative paths start at the folder of this file.
data_path = "data"

-- Where certificates are found: localhost.crt with localhost.key, or
-- localhost/fullchain.pem with localhost/privkey.pem, for each host. A host
-- without one gets a self-signed certificate at the first start; clients will
-- ask before they trust it.
certificates = "certs"

-- The modules of every host: the features that clients meet. Names are
-- Prosody's.
modules_enabled = {

	-- What every client expects
		"disco"; -- tells clients what the server can do
		"roster"; -- contact lists
		"saslauth"; -- logging in
		"tls"; -- encryption of connections (STARTTLS)

	-- Several devices, and bad networks
		"blocklist"; -- blocking other accounts
		"carbons"; -- every device sees the whole conversation
		"csi"; -- clients say when nobody looks at them ...
		"csi_simple"; -- ... and get less while that lasts
		"mam"; -- an archive of messages, for devices that were away
		"offline"; -- messages to an account without a device online wait
		"smacks"; -- a broken connection is resumed and nothing is lost

	-- What clients store
		"private"; -- bookmarks and settings of older clients
		"vcard"; -- profiles

	-- Small services
		"lastactivity"; -- when an account was last seen
		"limits"; -- bounds how fast one connection may send (see below)
		"ping"; -- answers pings
		"register"; -- changing one's password, and registration (see below)
		"time"; -- the server's clock
		"uptime"; -- how long the server has been running
		"version"; -- which server this is

	-- Not needed by everybody
		--"announce"; -- administrators can address everybody who is online
		--"groups"; -- contact lists that the administrator fills
		--"motd"; -- a message at each login
		--"server_contact_info"; -- whom to ask about this server
		--"watchregistrations"; -- administrators hear of new accounts
		--"welcome"; -- a message to new accounts
}

-- These are loaded unless they are listed here.
modules_disabled = {
	--"c2s"; -- connections of clients
	--"iq"; "message"; "presence"; -- the rules of RFC 6121
}

-- Whether anybody may register an account with a client. Leave it at false
-- where spammers can reach the server, and use "tercet adduser".
allow_registration = false


-- Connections ---------------------------------------------------------------

-- The ports that clients connect to: 5222 begins in plain text and turns to TLS
-- before anybody logs in, 5223 is TLS from its first byte.
c2s_ports = { 5222 }
c2s_direct_tls_ports = { 5223 }

-- The addresses of this machine to listen on; all of them unless given.
--interfaces = { "127.0.0.1", "::1" }

-- Nobody may log in without encryption.
c2s_require_encryption = true

-- How much one connection may send. Who sends more waits; nothing is lost.
limits = {
	c2s = { rate = "10kb/s", burst = "2s" };
}


-- Storage and passwords -----------------------------------------------------

-- "internal" is a database in data_path; "memory" forgets everything at a stop.
storage = "internal"

-- Accounts of the server's own, with passwords hashed (SCRAM).
authentication = "internal_hashed"

-- How long messages stay in the archive: a number of days, weeks, months or
-- years ("3d", "1w", "6m", "1y"), or "never" to keep them for ever.
archive_expires_after = "1w"


-- Log -----------------------------------------------------------------------

-- What happens, as it is told to the terminal. Files work as well:
--log = { info = "tercet.log", error = "tercet.err" }
log = "*console"


-- Hosts ---------------------------------------------------------------------
-- One for each domain that accounts have. What follows a VirtualHost line
-- counts for that host alone.

VirtualHost "localhost"

--VirtualHost "example.org"
--	admins = { "you@example.org" }

-- Files of your own, each of which starts in the global section.
--Include "conf.d/*.cfg.lua"
