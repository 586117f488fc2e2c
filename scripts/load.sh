#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# load.sh [tercet|prosody] [SCENARIO...]: load a server that it starts itself,
# and hold the results against the budgets (which are Tercet's).
#
# SCENARIOS: start, msg, sm, archive, ping, luaping, lua, idle, idlesm; default:
# all of them. LOAD_IDLE sessions rest for LOAD_SETTLE before memory is read;
# LOAD_D is the measured time of the others; lua needs Debian's
# prosody-modules. Results also go to build/load/results.jsonl.
set -euo pipefail
cd "$(dirname "$0")/.."
case ${1-} in
tercet | prosody) target=$1 && shift ;;
*) target=tercet ;;
esac
scenarios=("$@")
[ ${#scenarios[@]} -gt 0 ] || scenarios=(start msg sm archive ping luaping lua idle idlesm)
idle=${LOAD_IDLE:-10000} settle=${LOAD_SETTLE:-150s} d=${LOAD_D:-5s}
port=${LOAD_PORT:-24222}
out=$(pwd)/build/load
dir=$(mktemp -d)
pid='' over=0
ulimit -n "$(ulimit -Hn)"
mkdir -p "$out"
rm -f "$out/results.jsonl"
"${GO:-go}" build -o "$out/xload" ./scripts/xload
openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 30 -subj /CN=load.test \
	-addext subjectAltName=DNS:load.test -keyout "$dir/key.pem" -out "$dir/cert.pem" 2>/dev/null

stop() {
	[ -n "$pid" ] || return 0
	kill "$pid" 2>/dev/null || true
	for _ in $(seq 200); do
		kill -0 "$pid" 2>/dev/null || break
		sleep 0.1
	done
	kill -9 "$pid" 2>/dev/null || true
	wait "$pid" 2>/dev/null || true
	pid=''
}
trap 'stop; rm -rf "$dir"' EXIT

listens() { (exec 3<>"/dev/tcp/127.0.0.1/$port") 2>/dev/null; }

# start ARCHIVE [GLOBAL [HOST]]: the server with (", \"mam\"") or without the
# archive, and with more options; its pid goes to $pid, the milliseconds until
# it listens to $ms.
start() {
	stop
	if listens; then
		echo "load.sh: port $port is taken" >&2
		exit 1
	fi
	mkdir -p "$dir/data"
	sed "s|@DIR@|$dir|g;s|@PORT@|$port|;s|@DIRECT@|$((port + 1))|;s|@ARCHIVE@|$1|;s|-- @GLOBAL@|${2-}|;s|-- @HOST@|${3-}|" scripts/load.cfg.lua.in >"$dir/$target.cfg.lua"
	local command=(./tercet --config "$dir/tercet.cfg.lua" run)
	if [ "$target" = prosody ]; then
		command=(/usr/bin/prosody --config "$dir/prosody.cfg.lua" -F)
		if [ "$(id -u)" -eq 0 ]; then
			chown -R prosody:prosody "$dir"
			command=(setpriv --reuid prosody --regid prosody --clear-groups "${command[@]}")
		fi
	fi
	local begin
	begin=$(date +%s%N)
	"${command[@]}" >"$dir/out" 2>&1 </dev/null &
	pid=$!
	until listens; do
		if ! kill -0 "$pid" 2>/dev/null || [ $(($(date +%s%N) - begin)) -gt 30000000000 ]; then
			echo "load.sh: $target does not listen:" >&2
			cat "$dir/out" >&2
			exit 1
		fi
		sleep 0.005
	done
	ms=$((($(date +%s%N) - begin) / 1000000))
}

x() { # SCENARIO FLAGS...
	"$out/xload" "$1" -port "$port" -domain load.test -pid "$pid" -label "$target" -json "$out/results.jsonl" -d "$d" "${@:2}"
}

# within NAME VALUE LIMIT UNIT
within() {
	if awk "BEGIN { exit !($2 <= $3) }"; then
		printf 'budget: %s: %.1f of %s %s\n' "$1" "$2" "$3" "$4"
	else
		printf 'budget: %s: %.1f, OVER %s %s\n' "$1" "$2" "$3" "$4"
		over=1
	fi
}

last() { # FIELD of the last result
	tail -1 "$out/results.jsonl" | sed -n "s/.*\"$1\":\([-0-9.e+]*\).*/\1/p"
}

msg() { # NAME FLAGS...: 50 pairs, 16 in flight each
	start ""
	x register -n 100 -json "" >/dev/null
	x msg -pairs 50 -win 16 -mam keep "${@:2}"
	within "$1" "$(last server_cpu_us_per_unit)" 8 "us of server CPU for a message"
}

ping() { # NAME LABEL GLOBAL: 100 sessions, one in flight each
	start "" "$3"
	x register -n 100 -json "" >/dev/null
	x ping -pairs 50 -win 1 -label "$target$2"
	within "$1" "$(last server_cpu_us_per_unit)" 50 "us of server CPU for a ping"
}

pss() { awk '/^Pss:/ { print $2 / 1024 }' "/proc/$pid/smaps_rollup"; }

# lua: what forty of Debian's modules add, when the server has given back what
# it took to load them.
lua() {
	local list=modules/guest/lua/testdata/forty.txt dir=/usr/lib/prosody/modules
	if [ ! -d "$dir/mod_firewall" ]; then
		echo "load.sh: lua: left out, Debian's prosody-modules are not installed" >&2
		return
	fi
	start ""
	sleep 75
	local before
	before=$(pss)
	start "" "plugin_paths = { \"$dir\" } force_lua_modules = { $(words "$list") }" "modules_enabled = { $(words "$list") }"
	sleep 75
	within "forty modules in Lua" "$(awk "BEGIN { print $(pss) - $before }")" 25 "MiB PSS"
}

words() { sed '/^#/d;s/.*/"&",/' "$1" | tr '\n' ' '; }

# (PSS with N sessions less PSS before) / N, the server started anew after the
# accounts were made.
idle() { # NAME FLAGS...
	start ""
	x register -user i -n "$idle" -pw same -json "" >/dev/null
	start ""
	sleep 2
	x idle -user i -pw same -steps "$idle" -settle "$settle" "${@:2}"
	within "$1" "$(last pss_kib_per_session)" 24 "KiB for a session"
}

for s in "${scenarios[@]}"; do
	case $s in
	start)
		start ""
		within "time to listen" "$ms" 150 ms
		sleep 1
		within "memory at start" "$(pss)" 40 "MiB PSS"
		;;
	msg) msg "50 pairs" ;;
	sm) msg "50 pairs, stream management" -sm 5 ;;
	archive) # no budget
		start ', "mam"'
		x register -n 100 -json "" >/dev/null
		x msg -pairs 50 -win 16 -mam on -label "$target-archive"
		;;
	ping) ping "ping" "" "" ;;
	luaping)
		printf '%s\n' 'local st = require "util.stanza"' 'module:hook("iq-get/host/urn:xmpp:ping:ping", function (event)' \
			'event.origin.send(st.reply(event.stanza)) return true end)' >"$dir/mod_ping.lua"
		ping "ping, Lua answers" -lua "plugin_paths = { \"$dir\" } force_lua_modules = { \"ping\" }"
		;;
	lua) lua ;;
	idle) idle "idle sessions" ;;
	idlesm) idle "idle sessions, stream management" -sm 5 ;;
	*)
		echo "load.sh: no scenario $s" >&2
		exit 2
		;;
	esac
done
"$out/xload" table "$out/results.jsonl" 2>/dev/null || true
exit $over
