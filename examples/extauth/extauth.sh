#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# extauth.sh FILE answers in Prosody's line protocol (external_auth_protocol =
# "generic") about the accounts in FILE, whose lines are user@host:password.
# It is the least that works: passwords lie there as they are.
set -u
file=${1:?usage: extauth.sh FILE}

while IFS= read -r question; do
	op=${question%%:*}
	rest=${question#*:}
	user=${rest%%:*}
	rest=${rest#*:}
	host=${rest%%:*}
	password=${rest#*:}
	answer=0
	case $op in
	auth)
		while IFS= read -r line || [ -n "$line" ]; do
			[ "$line" = "$user@$host:$password" ] && answer=1
		done <"$file"
		;;
	isuser)
		while IFS= read -r line || [ -n "$line" ]; do
			[ "${line%%:*}" = "$user@$host" ] && answer=1
		done <"$file"
		;;
	esac
	echo "$answer"
done
