#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# fuzz.sh TIME: each fuzz target of the tree for TIME, such as 1m.
set -u
cd "$(dirname "$0")/.." || exit
GO=${GO:-go}
status=0
list=$(mktemp)
trap 'rm -f "$list"' EXIT
for dir in $(git ls-files -co --exclude-standard '*_test.go' | xargs -r grep -l '^func Fuzz' | xargs -r -n1 dirname | sort -u); do
	cat "$dir"/*_test.go | sed -n 's/^func \(Fuzz[A-Za-z0-9_]*\)(.*/\1/p' >"$list"
	while read -r target; do
		echo "fuzz: $dir $target"
		"$GO" test -run '^$' -fuzz "^$target\$" -fuzztime "$1" "./$dir" </dev/null || status=1
	done <"$list"
done
exit $status
