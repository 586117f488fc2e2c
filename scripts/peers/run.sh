#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# run.sh loads Tercet and its peers with the same, in turns, and prints one
# table; README.md says what the variables below mean.
set -euo pipefail
cd "$(dirname "$0")/../.."
repo=$(pwd)
out=$repo/build/peers
go=${GO:-go}

smoke() { # FULL SMALL
	if [ -n "${PEERS_SMOKE:-}" ]; then echo "$2"; else echo "$1"; fi
}
reps=${PEERS_REPS:-$(smoke 3 1)} d=${PEERS_D:-$(smoke 5s 500ms)} warm=${PEERS_WARM:-$(smoke 1s 200ms)}
pairs=${PEERS_PAIRS:-$(smoke 50 10)} contacts=${PEERS_CONTACTS:-$(smoke 50 5)} groups=${PEERS_GROUPS:-2}
each=${PEERS_EACH:-$(smoke 40 8)} archive=${PEERS_ARCHIVE:-$(smoke 10000 150)} roster=${PEERS_ROSTER:-$(smoke 1000 100)}
idle=${PEERS_IDLE:-$(smoke 10000 100)} settle=${PEERS_SETTLE:-$(smoke 60s 1s)} slow=${PEERS_SLOW:-$(smoke 5 2)}
base=${PEERS_PORT:-24300} long=${PEERS_LONG:-} limit=${PEERS_LIMIT:-${PEERS_LONG:+14400}}
limit=${limit:-1800}
read -r -a servers <<<"${PEERS_SERVERS:-tercet prosody ejabberd}"
read -r -a scenarios <<<"${*:-${PEERS:-start login chat paced presence carbons sm archive pages offline roster slow idle}}"
dir=${PEERS_DIR:-$(mktemp -d)}
binary=${PEERS_TERCET:-$repo/tercet}
results=$out/results.jsonl
declare -A made
turn=()
ulimit -n "$(ulimit -Hn)"
# shellcheck source-path=SCRIPTDIR/../..
. scripts/peers/servers.sh

finish() {
	local t
	for t in "${!job[@]}"; do down "$t"; done
	[ -n "${PEERS_DIR:-}" ] || rm -rf "$dir"
}
trap finish EXIT
trap 'exit 130' INT TERM

there() { # SERVER: can it be run here?
	case $1 in
	tercet) [ -x "$binary" ] ;;
	prosody) [ -x /usr/bin/prosody ] ;;
	ejabberd) [ -x /usr/sbin/ejabberdctl ] && [ "$(id -u)" -eq 0 ] ;;
	*) false ;;
	esac
}

x() { # SERVER SCENARIO FLAGS...
	local server=$1 scenario=$2 tls=()
	shift 2
	[ "$server" != echo ] || tls=(-echo)
	timeout "$limit" "$out/xload" "$scenario" -port "$(port_of "$server")" -domain peers.test \
		-label "$server" -pid "${root[$server]}" -d "$d" -warm "$warm" -pw same "${tls[@]}" "$@"
}

# accounts SERVER PREFIX N: they are there.
accounts() {
	local key="$1-${running[$1]}-$2"
	[ "$1" != echo ] && [ "${made[$key]:-0}" -lt "$3" ] || return 0
	x "$1" register -user "$2" -n "$3" >/dev/null
	made[$key]=$3
}

failed() { # SERVER ROW SCENARIO: a run that gave no result
	printf '{"row":"%s","label":"%s","scenario":"%s","failed":true}\n' "$2" "$1" "$3" >>"$results"
}

# in_turns COMMAND...: with each server, in another order each time.
in_turns() {
	local r k n=${#turn[@]}
	for r in $(seq 0 $((reps - 1))); do
		for k in $(seq 0 $((n - 1))); do
			"$@" "${turn[(r + k) % n]}"
		done
	done
}

# row NAME PROFILE PREFIX N SCENARIO FLAGS...: N accounts, and the load.
row() {
	in_turns one "$@"
	turn=("${servers[@]}")
}

one() { # the same, and the SERVER
	local name=$1 profile=$2 prefix=$3 n=$4 scenario=$5 server=${*: -1}
	local flags=("${@:6:$#-6}")
	up "$server" "$profile"
	if ! accounts "$server" "$prefix" "$n"; then
		failed "$server" "$name" "$scenario"
		return
	fi
	local lines
	lines=$(wc -l <"$results")
	if ! x "$server" "$scenario" -row "$name" -json "$results" -user "$prefix" "${flags[@]}"; then
		[ "$(wc -l <"$results")" -gt "$lines" ] || failed "$server" "$name" "$scenario"
	fi
}

# chat NAME FLAGS...: to a full JID, with the echo as reference.
chat() {
	turn+=(echo)
	row "$1" plain c $((2 * pairs)) msg -pairs "$pairs" "${@:2}"
}

started() { # SERVER: from nothing to listening, and its memory at rest
	up "$1" plain again
	sleep 2
	printf '{"row":"start","label":"%s","scenario":"start","params":"to listening","unit":"start","count":1,"pss_mib":%s,"extra":{"start_ms":%s}}\n' \
		"$1" "$(memory "${root[$1]}")" "${ms[$1]}" | tee -a "$results"
}

befriended() { # SERVER: two groups of mutual contacts, by the protocol
	up "$1" plain
	if ! accounts "$1" p $((groups * (contacts + 1))) ||
		! x "$1" roster-setup -user p -k "$contacts" -groups "$groups" -timeout 900s; then
		failed "$1" presence roster-setup
	fi
}

# rests NAME USERS FLAGS... SERVER: the sessions of a server started anew.
rests() {
	local server=${*: -1}
	up "$server" plain
	accounts "$server" i "$2" || true # shows as failed logins
	up "$server" plain again
	sleep 2
	one "$1" plain i 0 idle -steps "$idle" -settle "$settle" "${@:3:$#-3}" "$server"
	down "$server"
}

scenario() {
	local w reps=$reps
	case $1 in
	start) in_turns started ;;
	login) row login plain l 200 login -n 200 -c 8 ;;
	chat)
		for w in 1 8 16; do chat "chat full $w" -win "$w"; done
		for w in 1 8 16; do row "chat bare $w" plain c $((2 * pairs)) msg -pairs "$pairs" -win "$w" -bare; done
		;;
	paced) for w in 500 4000; do chat "paced $w/s" -rate "$w"; done ;;
	presence)
		for w in "${servers[@]}"; do befriended "$w"; done
		row presence plain p 0 presence -k "$contacts" -groups "$groups"
		;;
	carbons) row carbons plain k $((2 * pairs)) carbons -pairs "$pairs" -resources 3 ;;
	sm)
		for w in 1 16; do row "chat sm $w" plain c $((2 * pairs)) msg -pairs "$pairs" -win "$w" -sm 10; done
		row "archive sm" archive a 40 msg -pairs 20 -total "$each" -win 4 -sm 10 -tag archive -kept
		;;
	archive) for w in 1 4; do row "archive $w" archive a 40 msg -pairs 20 -total "$each" -win "$w" -tag archive -kept; done ;;
	pages)
		row "pages $archive" archive "q$archive-" 2 mamquery -n "$archive" -win 20 -timeout "${limit}s"
		[ -n "$long" ] || turn=(tercet) # the peers need hours to fill it
		[ -n "${PEERS_SMOKE:-}" ] || [[ " ${servers[*]} " != *" tercet "* ]] || row "pages 1000000" archive q1000000- 2 mamquery -n 1000000 -win 20 -timeout "${limit}s"
		turn=("${servers[@]}")
		;;
	offline) row offline archive o 30 offline -pairs 10 -n 20 -total "$(smoke 100 5)" -win 10 ;;
	roster) row roster plain r 1 roster-fetch -k "$roster" -c 4 -win 20 -timeout 300s ;;
	slow) row "slow readers" plain s $((2 * pairs + slow + 1)) slow -pairs "$pairs" -rate 500 -slow "$slow" -d "${PEERS_SLOW_D:-$(smoke 10s 3s)}" ;;
	idle)
		for w in "${servers[@]}" echo; do down "$w"; done
		in_turns rests "idle 1" "$idle"
		reps=1 # it says how the first grows with resources, and takes five minutes
		in_turns rests "idle 2" $(((idle + 1) / 2)) -resources 2
		;;
	*)
		echo "bench-peers: no scenario $1" >&2
		exit 2
		;;
	esac
}

mkdir -p "$out"
for t in "${servers[@]}"; do
	if there "$t"; then turn+=("$t"); else echo "bench-peers: without $t" >&2; fi
done
servers=("${turn[@]}")
"$go" build -o "$out/xload" ./scripts/xload
"$go" build -o "$out/peers" ./scripts/peers
certificate
versions=()
for t in "${servers[@]}" echo; do versions+=("$t=$(version "$t")"); done
"$out/peers" meta "${versions[@]}" >"$results"
for s in "${scenarios[@]}"; do
	turn=("${servers[@]}")
	scenario "$s"
done
"$out/peers" table "$results" | tee "$out/table.md"
