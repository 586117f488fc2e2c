#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# soak.sh loads Tercet for long and says by how much its memory and its
# goroutines grow: chat with stream management, messages into archives, clients
# that come and go, sessions at rest. It fails over SOAK_GROWTH percent.
#
# SOAK_MINUTES (30) is how long, of which all but the first SOAK_WARM (10) count;
# SOAK_LOAD (70) is how busy server and load generator keep the machine together,
# in percent. Samples go to build/soak/samples.csv.
set -euo pipefail
cd "$(dirname "$0")/.."
minutes=${SOAK_MINUTES:-30} warm=${SOAK_WARM:-10} load=${SOAK_LOAD:-70} most=${SOAK_GROWTH:-2} every=${SOAK_EVERY:-5}
port=${SOAK_PORT:-24222} idle=${SOAK_IDLE:-1000}
out=$(pwd)/build/soak
dir=$(mktemp -d)
ulimit -n "$(ulimit -Hn)"
mkdir -p "$out" "$dir/data"
"${GO:-go}" build -o "$out/xload" ./scripts/xload
openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 30 -subj /CN=load.test \
	-addext subjectAltName=DNS:load.test -keyout "$dir/key.pem" -out "$dir/cert.pem" 2>/dev/null
sed "s|@DIR@|$dir|g;s|@PORT@|$port|;s|@DIRECT@|$((port + 1))|;s|@ARCHIVE@|, \"mam\"|" scripts/load.cfg.lua.in |
	sed "s|^VirtualHost|table.insert(modules_enabled, \"http_openmetrics\")\nhttp_ports = { $((port + 2)) }\nhttp_interfaces = { \"127.0.0.1\" }\nhttps_ports = { }\nVirtualHost|" >"$dir/tercet.cfg.lua"

listens() { (exec 3<>"/dev/tcp/127.0.0.1/$port") 2>/dev/null; }
if listens; then
	echo "soak.sh: port $port is taken" >&2
	exit 1
fi
"${SOAK_TERCET:-./tercet}" --config "$dir/tercet.cfg.lua" run >"$dir/out" 2>&1 </dev/null &
pid=$!
trap 'kill $(jobs -p) 2>/dev/null || true; wait 2>/dev/null || true; rm -rf "$dir"' EXIT
until listens; do
	if ! kill -0 "$pid" 2>/dev/null; then
		cat "$dir/out" >&2
		exit 1
	fi
	sleep 0.05
done

x() { "$out/xload" "$1" -port "$port" -domain load.test -pid "$pid" -label tercet -pw same "${@:2}"; }
field() { sed -n "s/.*\"$1\":\([-0-9.e+]*\).*/\1/p" "$dir/last" | tail -n 1; }
metric() { curl -fsS "http://127.0.0.1:$((port + 2))/metrics" | awk -v name="$1" '$1 == name { printf "%.0f", $2 }'; }
pss() { awk '/^Pss:/ { print $2 }' "/proc/$pid/smaps_rollup"; }

for group in "c 100" "a 10" "l 200" "i $idle"; do
	x register -user "${group% *}" -n "${group#* }" >/dev/null
done

# The rate at which the machine is so busy: measured twice, the second time near it.
rate=8000
for _ in 1 2; do
	: >"$dir/last"
	x msg -user c -pairs 50 -mam off -sm 10 -rate "$rate" -d 5s -json "$dir/last" >/dev/null
	rate=$(awk -v r="$rate" -v us="$(field server_cpu_us_per_unit)" -v own="$(field loadgen_cpu_us_per_unit)" -v share="$load" -v cores="$(nproc)" \
		'BEGIN { printf "%d", share / 100 * cores * 1e6 / (us + own) * 0.9 }') # a tenth is for what runs beside it
	echo "soak: $rate messages a second are for $load % of $(nproc) cores"
done

seconds=$((minutes * 60))
x idle -user i -steps "$idle" -settle "$((seconds + 30))s" >"$dir/idle" 2>&1 &
sleep 5
x msg -user c -pairs 50 -mam off -sm 10 -rate "$rate" -d "${seconds}s" -json "$dir/chat" >"$dir/chat.out" 2>&1 &
chat=$!
x msg -user a -pairs 5 -mam on -rate 100 -d "${seconds}s" -json "$dir/archive" >"$dir/archive.out" 2>&1 &
archive=$!
(while sleep 4; do x login -user l -n 200 -c 2 -d 200ms -warm 0s >/dev/null 2>&1 || echo failed >>"$dir/logins"; done) &

echo seconds,pss_kib,goroutines,heap_live_bytes,fds >"$out/samples.csv"
begin=$SECONDS
while [ $((SECONDS - begin)) -lt "$((seconds - 5))" ]; do
	sleep "$every"
	echo "$((SECONDS - begin)),$(pss),$(metric go_goroutines),$(metric go_heap_live_bytes),$(metric process_open_fds)" >>"$out/samples.csv"
	if [ $(((SECONDS - begin) % 300)) -lt "$every" ]; then tail -n 1 "$out/samples.csv"; fi
done
failed=0
wait "$chat" || failed=1
wait "$archive" || failed=1
cat "$dir/chat.out" "$dir/archive.out"
if [ -s "$dir/logins" ]; then
	echo "soak: logins failed: $(wc -l <"$dir/logins")"
	failed=1
fi

# By a line through all samples that count: what it gains from their first to their last.
awk -F, -v from="$((warm * 60))" -v most="$most" '
	NR == 1 { for (k = 2; k <= NF; k++) name[k] = $k; next }
	$1 >= from {
		n++; t += $1; tt += $1 * $1
		if (n == 1) first = $1
		last = $1
		for (k = 2; k <= NF; k++) { y[k] += $k; ty[k] += $1 * $k }
	}
	END {
		if (n < 10) { print "soak: too few samples"; exit 1 }
		for (k = 2; k <= NF; k++) {
			slope = (n * ty[k] - t * y[k]) / (n * tt - t * t)
			grown = 100 * slope * (last - first) / (y[k] / n)
			over = (k <= 3 && grown > most) ? ", OVER " most " %" : ""
			if (over) bad = 1
			printf "soak: %s: %.0f on average, grown by %.2f %% in %.1f minutes%s\n", name[k], y[k] / n, grown, (last - first) / 60, over
		}
		exit bad
	}' "$out/samples.csv" || failed=1
exit $failed
