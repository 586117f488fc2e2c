#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# profanity.sh: two people at their terminals, by profanity in tmux.
#
# Both log in over TLS, subscribe to each other, see presence, chat both ways
# and ping the server. Nothing is read but the screens.
# Arguments: --host --port --domain --user --password --peer --peer-password,
# and --timeout, the seconds for one step. One line is printed for each step;
# the first that fails shows the screen and ends the script with status 1.
set -euo pipefail

host=127.0.0.1 port=5222 domain='' user='' password='' peer='' peer_password='' timeout=15
while [ $# -gt 0 ]; do
	case $1 in
	--host | --port | --domain | --user | --password | --peer | --peer-password | --timeout)
		name=${1#--}
		printf -v "${name//-/_}" %s "${2:?value of $1}"
		shift 2
		;;
	*)
		echo "unknown argument $1" >&2
		exit 2
		;;
	esac
done
: "${domain:?--domain is missing}" "${user:?--user is missing}" "${password:?--password is missing}"
: "${peer:?--peer is missing}" "${peer_password:?--peer-password is missing}"

dir=$(mktemp -d)
export LC_ALL=C.UTF-8
unset TMUX

t() { tmux -S "$dir/tmux" -f /dev/null "$@"; }

cleanup() {
	t kill-server 2>/dev/null || true
	rm -rf "$dir"
}
trap cleanup EXIT

screen() { t capture-pane -p -t "$1" | sed 's/ *$//'; }

# enter WHO TEXT: on the keyboard, with Enter.
enter() {
	t send-keys -t "$1" -l "$2"
	t send-keys -t "$1" Enter
}

# see WHO REGEXP: wait until the screen has a line like it.
see() {
	local end=$((SECONDS + timeout))
	until screen "$1" | grep -Eq -- "$2"; do
		if [ $SECONDS -ge $end ]; then
			echo "FAIL  $step: after $timeout s the screen of $1 has no line like '$2':"
			screen "$1" | grep -v '^$' | tail -30
			exit 1
		fi
		sleep 0.1
	done
}

step=start
done_step() { echo "ok    $step"; }

console() { enter "$1" "/win 1"; }

start() { # WHO
	mkdir -p "$dir/$1/.config/profanity"
	printf '[ui]\nsplash=false\n[notifications]\nmessage=false\n' >"$dir/$1/.config/profanity/profrc"
	t new-session -d -s "$1" -x 150 -y 50 \
		"env HOME=$dir/$1 XDG_CONFIG_HOME=$dir/$1/.config XDG_DATA_HOME=$dir/$1/.local/share TERM=screen profanity"
}

login() { # WHO PASSWORD
	step="$1 logs in"
	see "$1" 'Type ./help. to show|offline'
	enter "$1" "/connect $1@$domain server $host port $port tls trust"
	see "$1" 'Enter password:'
	enter "$1" "$2"
	see "$1" "$1@$domain/[^ ]* logged in successfully, online"
	done_step
}

# forget WHO OTHER: so that a second run begins like the first.
forget() {
	enter "$1" "/roster remove $2@$domain"
	enter "$1" "/clear"
}

subscribe() { # WHO OTHER
	step="$1 asks to subscribe to $2"
	enter "$1" "/sub request $2@$domain"
	see "$2" "Received authorization request from $1@$domain"
	done_step
	step="$2 agrees"
	enter "$2" "/sub allow $1@$domain"
	see "$2" "Accepted subscription for $1@$domain"
	done_step
}

mutual() { # WHO OTHER
	step="the roster of $1 has $2, mutually subscribed"
	console "$1"
	enter "$1" "/clear"
	enter "$1" "/roster"
	see "$1" "$2@$domain.*[Bb]oth"
	done_step
}

away() { # WHO OTHER
	local text="away-$RANDOM"
	step="$2 sees that $1 is away"
	console "$2"
	enter "$1" "/status set away $text"
	see "$2" "$1.*away.*$text"
	done_step
	step="$2 sees that $1 is back"
	enter "$1" "/status set online back-$text"
	see "$2" "$1.*online.*back-$text"
	done_step
}

say() { # WHO OTHER
	local text="text-$RANDOM-$RANDOM"
	step="$1 writes to $2"
	enter "$1" "/msg $2@$domain $text"
	see "$1" "me: .*$text"
	enter "$2" "/msg $1@$domain"
	see "$2" "$1.*: .*$text"
	done_step
}

ping() { # WHO
	step="$1 pings the server"
	console "$1"
	enter "$1" "/ping"
	see "$1" "Ping response from server: [0-9]+ms"
	done_step
}

quit() { # WHO
	step="$1 quits"
	enter "$1" "/quit"
	local end=$((SECONDS + timeout))
	while t has-session -t "$1" 2>/dev/null; do
		if [ $SECONDS -ge $end ]; then
			echo "FAIL  $step: profanity runs on after $timeout s"
			exit 1
		fi
		sleep 0.1
	done
	done_step
}

start "$user"
start "$peer"
login "$user" "$password"
login "$peer" "$peer_password"
forget "$user" "$peer"
forget "$peer" "$user"
sleep 0.5
subscribe "$user" "$peer"
subscribe "$peer" "$user"
mutual "$user" "$peer"
mutual "$peer" "$user"
away "$peer" "$user"
away "$user" "$peer"
say "$user" "$peer"
say "$peer" "$user"
say "$user" "$peer"
ping "$user"
quit "$peer"
step="$user sees that $peer has gone"
see "$user" "$peer.*offline"
done_step
quit "$user"
