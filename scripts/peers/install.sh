#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# install.sh installs the peers that Debian or Ubuntu package, without starting
# them, if it is root; for others it names what is missing and goes on, since
# run.sh leaves out what is not there.
set -eu

missing() {
	while read -r package file; do
		[ -e "$file" ] || printf '%s ' "$package"
	done <<-'END'
		ejabberd /usr/sbin/ejabberdctl
		erlang-p1-sqlite3 /usr/share/doc/erlang-p1-sqlite3
		lua-dbi-sqlite3 /usr/share/doc/lua-dbi-sqlite3
		openssl /usr/bin/openssl
		prosody /usr/bin/prosody
		sqlite3 /usr/bin/sqlite3
	END
}

wanted=$(missing)
[ -n "$wanted" ] || exit 0
if [ "$(id -u)" -ne 0 ] || ! command -v apt-get >/dev/null; then
	echo "bench-peers: missing (as root, apt-get install): $wanted" >&2
	exit 0
fi
policy=/usr/sbin/policy-rc.d
if [ ! -e "$policy" ]; then
	printf '#!/bin/sh\nexit 101\n' >"$policy"
	chmod 755 "$policy"
	trap 'rm -f "$policy"' EXIT INT TERM
fi
export DEBIAN_FRONTEND=noninteractive
apt-get update -q
# shellcheck disable=SC2086 # a list of words
apt-get install -q -y --no-install-recommends $wanted
