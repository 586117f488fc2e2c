# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash
# Sourced by run.sh: how each server is started and stopped. What they write is
# below $dir, a folder for each server and profile ("plain" or "archive").

: "${dir:?} ${base:?} ${repo:?} ${out:?} ${binary:?}" # what run.sh has set
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
declare -A running job root ms # by server: the profile, the job, the pid to measure, ms to listen

port_of() {
	case $1 in
	tercet) echo "$base" ;;
	prosody) echo $((base + 10)) ;;
	ejabberd) echo $((base + 20)) ;;
	echo) echo $((base + 30)) ;;
	esac
}

certificate() { # one for all
	mkdir -p "$dir/cert"
	openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 30 -subj /CN=peers.test \
		-addext subjectAltName=DNS:peers.test -keyout "$dir/cert/key.pem" -out "$dir/cert/cert.pem" 2>/dev/null
	cat "$dir/cert/cert.pem" "$dir/cert/key.pem" >"$dir/cert/both.pem"
	chmod 755 "$dir" "$dir/cert"
	chmod 644 "$dir"/cert/*
}

# as USER COMMAND...: in place of this shell; by USER if we are root.
as() {
	local name=$1
	shift
	[ "$(id -u)" -ne 0 ] || set -- setpriv --reuid "$name" --regid "$name" --init-groups "$@"
	exec "$@"
}

owner() { # USER FOLDER
	[ "$(id -u)" -ne 0 ] || chown -R "$1:$1" "$2"
}

lua_config() { # FILE PROFILE STORAGE
	local archive='' d
	d=$(dirname "$1")
	[ "$2" = plain ] || archive=', "mam"'
	sed "s|@DIR@|$d|g;s|@CERT@|$dir/cert|g;s|@PORT@|$port|;s|@DIRECT@|$((port + 1))|;s|@ARCHIVE@|$archive|;s|@STORAGE@|$3|" \
		"$here/server.cfg.lua.in" >"$1"
}

# wal makes a SQLite file with a write-ahead log, which it keeps. Neither peer
# asks for one, so it is there only with PEERS_WAL.
wal() {
	[ -z "${PEERS_WAL:-}" ] || [ -s "$1" ] || sqlite3 "$1" 'PRAGMA journal_mode = wal; CREATE TABLE made (x); DROP TABLE made' >/dev/null
}

run_tercet() { # PROFILE FOLDER: prepare it, then define the command
	lua_config "$2/tercet.cfg.lua" "$1" "${PEERS_FULL:+sqlite_synchronous = 'full'}"
	command=(exec "$binary" --config "$2/tercet.cfg.lua" run)
}

run_prosody() {
	lua_config "$2/prosody.cfg.lua" "$1" 'storage = { archive = "sql" }; sql = { driver = "SQLite3", database = "archive.sqlite" }'
	[ "$1" = plain ] || wal "$2/data/archive.sqlite"
	owner prosody "$2"
	command=(as prosody /usr/bin/prosody --config "$2/prosody.cfg.lua" -F)
}

run_ejabberd() {
	local sql='' archive='' lite
	if [ "$1" = archive ]; then
		archive='  mod_mam: {db_type: sql, default: always, use_cache: true}'
		sql="sql_type: sqlite\\nsql_database: \"$2/data/archive.sqlite\""
		if [ ! -e "$2/data/archive.sqlite" ]; then
			wal "$2/data/archive.sqlite"
			lite=$(dpkg -L ejabberd | grep '/lite\.sql$' | head -n 1)
			sqlite3 "$2/data/archive.sqlite" <"$lite"
		fi
	fi
	sed "s|@CERT@|$dir/cert|;s|@PORT@|$port|;s|@DIRECT@|$((port + 1))|;s|@SQL@|$sql|;s|@ARCHIVE@|$archive|" \
		"$here/ejabberd.yml.in" >"$2/ejabberd.yml"
	# Schedulers that wait busily burn CPU that is not work. With a fixed port
	# of the distribution no epmd is started.
	printf '%s\n' ERL_MAX_PORTS=100000 ERL_PROCESSES=500000 POLL=true "ERL_DIST_PORT=$((port + 2))" \
		'ERL_OPTIONS="+sbwt none +sbwtdcpu none +sbwtdio none"' "EJABBERD_PID_PATH=$2/pid" >"$2/ctl.cfg"
	cp /etc/ejabberd/inetrc "$2/inetrc"
	owner ejabberd "$2"
	rm -f "$2/pid"
	# Not by su: its PAM session would lower the limit of open files.
	command=(as ejabberd env HOME="$2/data" /usr/sbin/ejabberdctl --node peers@localhost --config "$2/ejabberd.yml"
		--ctl-config "$2/ctl.cfg" --config-dir "$2" --spool "$2/data" --logs "$2/logs" foreground)
}

run_echo() {
	command=(exec "$out/peers" echo -listen "127.0.0.1:$port" -cert "$dir/cert/cert.pem" -key "$dir/cert/key.pem")
}

listens() { (exec 3<>"/dev/tcp/127.0.0.1/$port") 2>/dev/null; }

# up SERVER PROFILE: it runs in this profile; with a third argument anew.
up() {
	[ "$1" != echo ] || set -- echo plain
	if [ "${running[$1]:-}" = "$2" ] && [ $# -eq 2 ] && kill -0 "${job[$1]}" 2>/dev/null; then
		return
	fi
	down "$1"
	local d="$dir/$1-$2" begin port command
	port=$(port_of "$1")
	if listens; then
		echo "bench-peers: port $port is taken" >&2
		exit 1
	fi
	mkdir -p "$d/data" "$d/logs"
	"run_$1" "$2" "$d"
	begin=$(date +%s%N)
	# The folder is where beam and prosody look for relative names.
	(cd "$d/data" && "${command[@]}") >"$d/out" 2>&1 </dev/null &
	job[$1]=$!
	running[$1]=$2
	until listens; do
		if ! kill -0 "${job[$1]}" 2>/dev/null || [ $(($(date +%s%N) - begin)) -gt 60000000000 ]; then
			echo "bench-peers: $1 does not listen:" >&2
			tail -n 20 "$d/out" >&2
			exit 1
		fi
		sleep 0.005
	done
	# shellcheck disable=SC2034 # run.sh reads it
	ms[$1]=$((($(date +%s%N) - begin) / 1000000))
	root[$1]=${job[$1]}
	if [ "$1" = ejabberd ]; then # beam, below ejabberdctl
		for _ in $(seq 100); do
			[ ! -s "$d/pid" ] || break
			sleep 0.1
		done
		root[$1]=$(cat "$d/pid")
	fi
}

tree() { # PID: itself and what it has started
	local child children
	echo "$1"
	read -r -d '' -a children < <(cat /proc/"$1"/task/*/children 2>/dev/null) || true
	for child in "${children[@]}"; do tree "$child"; done
}

down() { # SERVER
	[ -n "${job[$1]:-}" ] || return 0
	local all p
	all=$(tree "${job[$1]}")
	kill "${root[$1]:-${job[$1]}}" 2>/dev/null || true
	for _ in $(seq 200); do
		kill -0 "${job[$1]}" 2>/dev/null || break
		sleep 0.1
	done
	if kill -0 "${job[$1]}" 2>/dev/null; then
		for p in $all; do kill -9 "$p" 2>/dev/null || true; done
	fi
	wait "${job[$1]}" 2>/dev/null || true
	unset "job[$1]" "root[$1]" "running[$1]"
}

memory() { # PID: PSS of its process tree, MiB
	local p
	for p in $(tree "$1"); do cat "/proc/$p/smaps_rollup" 2>/dev/null || true; done |
		awk '/^Pss:/ { kib += $2 } END { printf "%.1f", kib / 1024 }'
}

version() { # SERVER
	case $1 in
	tercet) git -C "$repo" describe --always --dirty 2>/dev/null || echo unknown ;;
	prosody | ejabberd) dpkg-query -W -f '${Version}' "$1" 2>/dev/null || echo unknown ;;
	echo) "${GO:-go}" env GOVERSION ;;
	esac
}
