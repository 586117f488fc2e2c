#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# bench-compare.sh REV: the benchmarks at REV and in the work tree, taking
# turns so that both meet the same neighbours, and benchstat's verdict.
# BENCH (a pattern), PKG and COUNT narrow it.
set -eu
cd "$(dirname "$0")/.."
GO=${GO:-go}
rev=$(git rev-parse --verify "$1^{commit}")
out=$(pwd)/build/bench
mkdir -p "$out"
rm -f "$out/base.txt" "$out/here.txt"
base=$out/tree
git worktree prune
git worktree add -q --force --detach "$base" "$rev"
trap 'git worktree remove --force "$base"' EXIT

bench() { # DIRECTORY RESULTS
	(cd "$1" && "$GO" test -run '^$' -bench "${BENCH:-.}" -benchmem -count 1 "${PKG:-./...}") >>"$2" || true
}

i=0
while [ "$i" -lt "${COUNT:-6}" ]; do
	bench "$base" "$out/base.txt"
	bench . "$out/here.txt"
	i=$((i + 1))
done
"$GO" tool -modfile=scripts/tools.mod benchstat "$out/base.txt" "$out/here.txt"
