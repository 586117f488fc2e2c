-- Prosody configuration of example.org
--
-- prosodyctl check config   before   prosodyctl reload

---------- Server-wide settings ----------

admins = { "admin@example.org" }

-- Debian's package of community modules is found by itself; what is newer
-- than it goes here.
plugin_paths = { "/usr/local/lib/prosody/modules" }

modules_enabled = {

	-- Generally required
		"disco"; -- Service discovery
		"roster"; -- Allow users to have a roster. Recommended ;)
		"saslauth"; -- Authentication for clients and servers. Recommended if you want to log in.
		"tls"; -- Add support for secure TLS on c2s/s2s connections

	-- Not essential, but recommended
		"blocklist"; -- Allow users to block communications with other users
		"bookmarks"; -- Synchronise the list of open rooms between clients
		"carbons"; -- Keep multiple online clients in sync
		"dialback"; -- Support for verifying remote servers using DNS
		"limits"; -- Enable bandwidth limiting for XMPP connections
		"mam"; -- Store messages in an archive and allow users to access it
		"pep"; -- Allow users to store public and private data in their account
		"private"; -- Legacy account storage mechanism (XEP-0049)
		"smacks"; -- Stream management and resumption (XEP-0198)
		"vcard4"; -- User profiles (stored in PEP)
		"vcard_legacy"; -- Conversion between legacy vCard and PEP Avatar, vcard

	-- Nice to have
		"csi"; -- Let mobile clients say when nobody looks
		"invites"; -- Create and manage invites
		"invites_adhoc"; -- Allow admins/users to create invitations via their client
		"invites_register"; -- Allows invited users to create accounts
		"ping"; -- Replies to XMPP pings with pongs
		"register"; -- Allow users to register on this server using a client and change passwords
		"register_limits"; -- but not too many of them
		"time"; -- Let others know the time here on this server
		"turn_external"; -- Calls
		"uptime"; -- Report how long server has been running
		"version"; -- Replies to server version requests

	-- Admin interfaces
		"admin_adhoc"; -- Allows administration via an XMPP client that supports ad-hoc commands
		"admin_shell"; -- Allow secure administration via 'prosodyctl shell'

	-- HTTP modules
		"bosh"; -- Enable BOSH clients, aka "Jabber over HTTP"
		"http_openmetrics"; -- for exposing metrics to stats collectors
		"websocket"; -- XMPP over WebSockets

	-- Other specific functionality
		"announce"; -- Send announcement to all online users
		"motd"; -- Send a message to users when they log in
		"posix"; -- POSIX functionality, sends server to background, enables syslog, etc.
		"server_contact_info"; -- Publish contact information for this service
		"watchregistrations"; -- Alert admins of registrations
		"welcome"; -- Welcome users who register accounts

	-- Community modules (package prosody-modules)
		"c2s_conn_throttle";
		"cloud_notify";
		"csi_battery_saver";
		"default_bookmarks";
		"filter_chatstates";
		"firewall";
		"lastlog2";
		"list_inactive";
		"log_auth";
		"mam_adhoc";
		"measure_active_users";
		"server_status";
		"stanza_counter";
		"throttle_presence";
		"track_muc_joins";
}

modules_disabled = {
	-- "offline"; -- Store offline messages
	-- "c2s"; -- Handle client connections
}

pidfile = "/run/prosody/prosody.pid"

-- Encryption
c2s_require_encryption = true
s2s_require_encryption = true
s2s_secure_auth = true
certificates = "certs"

limits = {
	c2s = { rate = "1mb/s" };
	s2sin = { rate = "300kb/s" };
}

-- Accounts
authentication = "internal_hashed"
allow_registration = false
registration_invite_only = true
welcome_message = "Welcome to $host, $username."
contact_info = {
	abuse = { "mailto:abuse@example.org" };
	admin = { "mailto:admin@example.org", "xmpp:admin@example.org" };
}
motd_text = [[Servers are restarted on Sunday morning.]]

-- Storage
storage = "internal"
archive_expires_after = "4w"

-- Calls
turn_external_host = "turn.example.org"
turn_external_port = 3478
turn_external_secret = "not a secret"

-- HTTP
http_ports = { 5280 }
http_interfaces = { "127.0.0.1" }
https_ports = {}
http_external_url = "https://example.org/"
http_default_host = "example.org"
trusted_proxies = { "127.0.0.1", "::1" }
consider_bosh_secure = true
consider_websocket_secure = true
cross_domain_bosh = false

-- Of community modules
cthrottler_logins_count = 100 -- all of the office is one address
cthrottler_time = 60
csi_battery_saver_queue_size = 300
push_notification_with_body = false
push_notification_with_sender = false
push_max_errors = 5
firewall_scripts = { "scripts/spam.pfw" }
firewall_multirate_cache_limit = 500
lastlog_ip_address = false
log_auth_ips = "all"
server_status_show_hosts = { "example.org" }
server_status_show_comps = { "rooms.example.org" }
server_status_json = true
default_bookmarks = {
	{ jid = "lobby@rooms.example.org", name = "Lobby", autojoin = true };
}

-- Logging
log = {
	info = "/var/log/prosody/prosody.log";
	error = "/var/log/prosody/prosody.err";
	-- "*syslog";
}

statistics = "internal"

---------- Virtual hosts ----------

VirtualHost "example.org"
	name = "Example"
	modules_enabled = {
		"http_libjs"; -- jQuery and so on for the pages below
		"http_pep_avatar";
		"http_upload_external";
		"invites_page";
		"register_web";
		"support_contact";
		"webpresence";
	}
	disco_items = {
		{ "rooms.example.org", "Rooms" };
		{ "search.example.org", "Users" };
	}
	site_name = "Example"
	http_upload_external_base_url = "https://upload.example.org/"
	http_upload_external_secret = "not a secret either"
	http_upload_external_file_size_limit = 50 * 1024 * 1024
	support_contact = "support@example.org"
	support_contact_nick = "Support"
	register_web_title = "Accounts at example.org"
	captcha_options = {}

-- For the children: only contacts write to them.
VirtualHost "family.example.org"
	modules_enabled = { "block_strangers" }
	modules_disabled = { "cloud_notify" }

---------- Components ----------

Component "rooms.example.org" "muc"
	name = "Rooms"
	modules_enabled = {
		"muc_mam";
		"http_muc_log";
		"muc_moderation";
		"muc_restrict_media";
		"pastebin";
		"vcard_muc";
	}
	restrict_room_creation = "local"
	max_history_messages = 20
	muc_room_default_public = true
	muc_room_default_persistent = true
	muc_room_default_language = "en"
	muc_log_by_default = true
	muc_log_expires_after = "1y"
	http_muc_log_list_order = { "lobby" }
	muc_room_default_restrict_media = true
	pastebin_threshold = 800
	pastebin_line_threshold = 10
	pastebin_expire_after = 24 * 7

Component "search.example.org" "vjud"
	vjud_mode = "opt-in"
	vjud_search_domain = "example.org"

Component "all.example.org" "broadcast"
	broadcast_senders = { "admin@example.org" }
