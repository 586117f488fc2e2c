#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# pgo.sh FILE takes CPU profiles of Tercet under the loads that matter and
# writes them as one file, which "make build" gives to the compiler.
set -euo pipefail
cd "$(dirname "$0")/.."
file=${1:?usage: pgo.sh FILE}
port=${PGO_PORT:-24222}
out=$(pwd)/build/pgo
dir=$(mktemp -d)
mkdir -p "$out"
rm -f "$out"/*.pprof
"${GO:-go}" build -o "$out/xload" ./scripts/xload
openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 30 -subj /CN=load.test \
	-addext subjectAltName=DNS:load.test -keyout "$dir/key.pem" -out "$dir/cert.pem" 2>/dev/null
pid=''
stop() {
	[ -z "$pid" ] || { kill "$pid" 2>/dev/null && wait "$pid" 2>/dev/null; } || true
	pid=''
}
trap 'stop; rm -rf "$dir"' EXIT
listens() { (exec 3<>"/dev/tcp/127.0.0.1/$port") 2>/dev/null; }

start() { # ARCHIVE
	stop
	mkdir -p "$dir/data"
	sed "s|@DIR@|$dir|g;s|@PORT@|$port|;s|@DIRECT@|$((port + 1))|;s|@ARCHIVE@|, \"shell\", \"profile\"$1|" scripts/load.cfg.lua.in >"$dir/tercet.cfg.lua"
	./tercet --config "$dir/tercet.cfg.lua" run >"$dir/out" 2>&1 </dev/null &
	pid=$!
	until listens; do
		kill -0 "$pid" 2>/dev/null || { cat "$dir/out" >&2 && exit 1; }
		sleep 0.05
	done
}

x() { "$out/xload" "$1" -port "$port" -domain load.test -pid "$pid" -pw same "${@:2}"; }

under() { # NAME DELAY SECONDS SCENARIO FLAGS...: a profile from DELAY seconds on
	(sleep "$2" && ./tercet --config "$dir/tercet.cfg.lua" profile cpu --seconds "$3" --output "$out/$1.pprof") &
	local profile=$!
	x "${@:4}"
	wait "$profile"
}

start ""
x register -user u -n 200 >/dev/null
x register -user p -n 102 >/dev/null
x roster-setup -user p -k 50 -groups 2
under login 1.5 4 login -n 200 -d 6s
for w in 1 8 16; do under "chat$w" 1.5 4 msg -pairs 50 -win "$w" -d 6s; done
under sm 1.5 3 msg -pairs 50 -win 8 -sm 10 -d 5s
under paced 1.5 4 msg -pairs 50 -rate 4000 -d 6s
under presence 3 3 presence -user p -k 50 -groups 2 -d 6s
start ', "mam"'
under archive 0.3 3 msg -pairs 20 -win 4 -total 8000 -tag archive
under offline 0 2 offline -user u -first 50 -pairs 10 -n 20 -total 1000 -win 1
under pages 1 3 mamquery -n 500 -d 3s
"${GO:-go}" tool pprof -proto -output "$file" "$out"/*.pprof >/dev/null
ls -l "$file"
