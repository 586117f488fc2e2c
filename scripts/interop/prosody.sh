#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# prosody.sh start|stop|wipe|env|pid|adduser NAME PASSWORD [DOMAIN]|check
#
# Debian's prosody on high loopback ports, below ${PEER_DIR:-/tmp/tercet-peer}:
# a second server that the scripts of this folder are tried against, so that a
# failure against Tercet is Tercet's. "check" starts it, runs all scripts, and
# stops it. "env" prints what the scripts are to be called with.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
dir=${PEER_DIR:-/tmp/tercet-peer}
port=${PEER_PORT:-23222}
direct=$((port + 1))
domain=peer.test

as_prosody() { # the Debian package has a user for it
	if [ "$(id -u)" -eq 0 ]; then
		setpriv --reuid prosody --regid prosody --clear-groups "$@"
	else
		"$@"
	fi
}

config() {
	mkdir -p "$dir/data" "$dir/certs" "$dir/plugins"
	if [ ! -s "$dir/certs/key.pem" ]; then
		openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 3650 \
			-subj "/CN=$domain" -addext "subjectAltName=DNS:$domain,DNS:conference.$domain" \
			-keyout "$dir/certs/key.pem" -out "$dir/certs/cert.pem" 2>/dev/null
	fi
	cat >"$dir/plugins/mod_offer_plus.lua" <<-END
		-- prosody 0.12 offers -PLUS over TLS 1.2 only. With this module a host
		-- offers it over TLS 1.3 too, where tls-unique fits nobody, and
		-- either refuses the flag "y" then (RFC 5802 6) or, with
		-- channel_binding_downgrade = "allow", lets it pass.
		if module:get_option_string("channel_binding_downgrade") == "allow" then
		  module:hook("stream-features", function (event)
		    local mechanisms = event.features:get_child("mechanisms", "urn:ietf:params:xml:ns:xmpp-sasl");
		    if mechanisms and event.origin.secure then
		      mechanisms:tag("mechanism"):text("SCRAM-SHA-1-PLUS"):up();
		    end
		  end, -10);
		else
		  local wrapped;
		  module:hook("stream-features", function ()
		    local users = prosody.hosts[module.host].users;
		    if wrapped == users then return end
		    wrapped = users;
		    local get = users.get_sasl_handler;
		    function users.get_sasl_handler(session)
		      local handler = get(session);
		      handler:add_cb_handler("tls-unique", function () return "undefined"; end);
		      return handler;
		    end
		  end, 10);
		end
	END
	cat >"$dir/prosody.cfg.lua" <<-END
		pidfile = "$dir/prosody.pid"
		data_path = "$dir/data"
		plugin_paths = { "$dir/plugins" }
		interfaces = { "127.0.0.1" }
		c2s_ports = { $port }
		c2s_direct_tls_ports = { $direct }
		log = { ${PEER_LOG:-info} = "$dir/prosody.log" }
		modules_enabled = {
			"roster", "saslauth", "tls", "disco", "carbons", "private", "blocklist",
			"vcard4", "vcard_legacy", "pep", "version", "uptime", "time", "ping",
			"register", "smacks", "csi_simple", "mam"
		}
		modules_disabled = { "s2s" }
		allow_registration = ${PEER_REGISTER:-false}
		c2s_require_encryption = true
		authentication = "internal_hashed"
		limits = {}
		ssl = { certificate = "$dir/certs/cert.pem", key = "$dir/certs/key.pem", protocol = "tlsv1_2+" }
		VirtualHost "$domain"
		VirtualHost "refuse.$domain"
			modules_enabled = { "offer_plus" }
		VirtualHost "allow.$domain"
			modules_enabled = { "offer_plus" }
			channel_binding_downgrade = "allow"
		Component "conference.$domain" "muc"
	END
	if [ "$(id -u)" -eq 0 ]; then
		chown -R prosody:prosody "$dir"
	fi
}

open() { (exec 3<>"/dev/tcp/127.0.0.1/$port") 2>/dev/null; }

start() {
	if open; then
		echo "prosody.sh: port $port is taken" >&2
		return 1
	fi
	config
	(cd "$dir" && as_prosody setsid /usr/bin/prosody --config "$dir/prosody.cfg.lua" -F) >"$dir/out.log" 2>&1 </dev/null &
	for _ in $(seq 100); do
		if open && [ -s "$dir/prosody.pid" ]; then return 0; fi
		sleep 0.1
	done
	echo "prosody.sh: prosody does not listen after 10 s:" >&2
	cat "$dir/out.log" >&2
	return 1
}

stop() {
	local pid
	pid=$(cat "$dir/prosody.pid" 2>/dev/null) || return 0
	kill "$pid" 2>/dev/null || return 0
	for _ in $(seq 100); do
		kill -0 "$pid" 2>/dev/null || return 0
		sleep 0.1
	done
	kill -9 "$pid"
}

adduser() {
	(cd "$dir" && as_prosody prosodyctl --config "$dir/prosody.cfg.lua" register "$1" "${3:-$domain}" "$2") >"$dir/adduser.log" 2>&1 ||
		{ cat "$dir/adduser.log" >&2; return 1; }
}

check() {
	local failed=()
	trap stop EXIT
	start
	adduser romeo roses
	adduser juliet balcony
	adduser romeo roses "refuse.$domain"
	adduser romeo roses "allow.$domain"
	local at=(--host 127.0.0.1 --port "$port" --user romeo --password roses)
	local both=("${at[@]}" --domain "$domain" --peer juliet --peer-password balcony)
	run() {
		echo "--- $*"
		"$@" || failed+=("$(basename "$1")")
	}
	run "$here/chat.py" "${both[@]}"
	run "$here/chat.py" "${both[@]}" --port "$direct" --direct --ca "$dir/certs/cert.pem"
	run "$here/resume.py" "${both[@]}"
	run "$here/binding.py" "${at[@]}" --domain "$domain" --steps plus12,plain12,plain13,stock13
	run "$here/binding.py" "${at[@]}" --domain "refuse.$domain"
	run "$here/binding.py" "${at[@]}" --domain "allow.$domain" --steps allowed13
	run "$here/profanity.sh" "${both[@]}"
	if [ ${#failed[@]} -gt 0 ]; then
		echo "prosody.sh: failed: ${failed[*]}" >&2
		return 1
	fi
}

case ${1:-} in
start | stop | check) "$1" ;;
wipe) rm -rf "$dir/data" ;;
pid) cat "$dir/prosody.pid" ;;
env) echo "PORT=$port DIRECT=$direct DOMAIN=$domain CERT=$dir/certs/cert.pem" ;;
adduser) adduser "$2" "$3" "${4:-}" ;;
*)
	sed -n 3p "$0" >&2
	exit 2
	;;
esac
