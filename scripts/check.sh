#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# check.sh runs the static checks. Each runs, whatever the ones before it said.
set -u
cd "$(dirname "$0")/.." || exit
GO=${GO:-go}
failed=

tool() {
	"$GO" tool -modfile=scripts/tools.mod "$@"
}

# step NAME COMMAND...: run it, remember whether it failed.
step() {
	name=$1
	shift
	echo "check: $name"
	"$@" || failed="$failed $name"
}

format() {
	files=$(git ls-files -co --exclude-standard '*.go' | xargs -r grep -L '^// Code generated .* DO NOT EDIT' 2>/dev/null) # nor the deleted ones
	# shellcheck disable=SC2086 # a list of words
	wrong=$(tool gofumpt -l $files) || return 1
	[ -z "$wrong" ] && return
	printf 'not in the format of gofumpt:\n%s\n' "$wrong"
	return 1
}

# vulnerabilities needs the database at vuln.go.dev; without it there is a note.
vulnerabilities() {
	out=$(timeout 300 "$GO" tool -modfile=scripts/tools.mod govulncheck ./... 2>&1)
	status=$?
	case "$status $out" in
	0\ *) ;;
	3\ *) # found some
		echo "$out"
		return 1
		;;
	124\ * | *vuln.go.dev*)
		echo "note: vuln.go.dev can not be reached; known vulnerabilities were not looked for"
		;;
	*)
		echo "$out"
		return 1
		;;
	esac
}

state() {
	git ls-files -co --exclude-standard -z | xargs -0 sha256sum 2>/dev/null
}

generated() {
	before=$(state)
	"$GO" generate ./... || return 1
	[ "$before" = "$(state)" ] && return
	echo "go generate changed files: commit them"
	git status --short
	return 1
}

step gofumpt format
step vet "$GO" vet ./...
step golangci-lint tool golangci-lint run
step staticcheck tool staticcheck ./...
step generate generated
step govulncheck vulnerabilities

if [ -n "$failed" ]; then
	echo "check: failed:$failed" >&2
	exit 1
fi
