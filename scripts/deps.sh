#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# deps.sh installs the Debian packages that the tests need. Without root it
# asks sudo. With --test, as "make test" calls it, it installs as root only;
# for everybody else it names what is missing and goes on, since the tests
# that need it skip themselves.
set -eu

# Each line: a package, and a file that is there when it is installed.
missing() {
	while read -r package file; do
		[ -e "$file" ] || printf '%s ' "$package"
	done <<-'END'
		ca-certificates /etc/ssl/certs/ca-certificates.crt
		clang /usr/bin/clang
		gcc /usr/bin/gcc
		git /usr/bin/git
		iproute2 /usr/sbin/tc
		libc6-dev /usr/include/stdlib.h
		libstd-rust-dev-wasm32 /usr/lib/rustlib/wasm32-unknown-unknown
		lld /usr/bin/wasm-ld
		lua5.1 /usr/bin/lua5.1
		openssl /usr/bin/openssl
		procps /usr/bin/pgrep
		profanity /usr/bin/profanity
		prosody /usr/bin/prosody
		prosody-modules /usr/lib/prosody/modules/mod_firewall
		python3-grpcio /usr/lib/python3/dist-packages/grpc/__init__.py
		python3-protobuf /usr/lib/python3/dist-packages/google/protobuf/__init__.py
		python3-slixmpp /usr/lib/python3/dist-packages/slixmpp/__init__.py
		rustc /usr/bin/rustc
		sqlite3 /usr/bin/sqlite3
		tmux /usr/bin/tmux
	END
}

# install runs apt-get in front of a policy that starts no service: the tests
# start their own prosody and a packaged one would take its ports.
install() {
	policy=/usr/sbin/policy-rc.d
	if [ ! -e "$policy" ]; then
		printf '#!/bin/sh\nexit 101\n' >"$policy"
		chmod 755 "$policy"
		trap 'rm -f "$policy"' EXIT INT TERM
	fi
	export DEBIAN_FRONTEND=noninteractive
	apt-get update -q
	apt-get install -q -y --no-install-recommends "$@"
}

# AssemblyScript, for one example of a guest, is in no Debian; where npm is it
# is put into build/.
asc=$(dirname "$0")/../build/assemblyscript
if [ ! -e "$asc/node_modules/.bin/asc" ] && command -v npm >/dev/null; then
	mkdir -p "$asc"
	timeout 180 npm install --silent --no-fund --no-audit --ignore-scripts --fetch-retries=1 --prefix "$asc" assemblyscript@0.28.20 ||
		echo "deps: AssemblyScript is not installed; the tests that need it skip themselves" >&2
fi

wanted=$(missing)
if [ -z "$wanted" ]; then
	exit 0
fi
if ! command -v apt-get >/dev/null; then
	echo "deps: this is no Debian: install by hand what provides $wanted" >&2
	[ "${1:-}" = --test ] && exit 0
	exit 1
fi
# shellcheck disable=SC2086 # a list of words
if [ "$(id -u)" -eq 0 ]; then
	echo "deps: installing $wanted"
	install $wanted
elif [ "${1:-}" = --test ]; then
	echo "deps: the tests that need these skip themselves: $wanted"
	echo "deps: install them with: make deps"
elif command -v sudo >/dev/null; then
	exec sudo "$0"
else
	echo "deps: as root, run: apt-get install --no-install-recommends $wanted" >&2
	exit 1
fi
