#!/usr/bin/env bash
# The whole path once, small: every strategy through `occkit run`, then compare, then the figures.
#
#   tests/harness/commands/smoke_test.sh OCCKIT PYTHON FOLDER      FOLDER is emptied
set -euo pipefail
occkit="$1"
python="$2"
folder="$3"
plot="$(dirname "${BASH_SOURCE[0]}")/../../../results/plot.py"

fail() {
  echo "smoke: $1" >&2
  exit 1
}

# Windows are short; where one was so short that nothing ended in it, all are made longer.
for duration in 20ms 200ms 2s 20s; do
  rm -rf "$folder"
  status=0
  "$occkit" run --strategy all --workload hot,zipf --threads 1,2 --docs 1000 --duration "$duration" --warmup 5ms \
    --replicates 1 --repeats 0 --out "$folder" || status=$?
  [ "$status" -eq 2 ] && grep -q ',no_verdict,' "$folder/results.csv" || break
done
[ "$status" -eq 0 ] || fail "the run ended with $status"
[ "$("$occkit" list | grep -c .)" -gt 10 ] || fail "occkit list says next to nothing"
# One line of names; for each of the strategies, 2 workloads and 2 thread counts a measured row, and for all but null and
# the floors one whose history was checked.
strategies="$(tail -n +2 "$folder/results.csv" | cut -d, -f2 | sort -u | wc -l)"
unverified="$(tail -n +2 "$folder/results.csv" | cut -d, -f2 | sort -u | grep -cE '^(null|floor_.*)$')"
rows="$(tail -n +2 "$folder/results.csv" | wc -l)"
[ "$strategies" -ge 8 ] || fail "$strategies strategies in results.csv, expected all"
[ "$rows" -eq $((strategies * 8 - unverified * 4)) ] ||
  fail "$rows rows for $strategies strategies, expected 8 each but for null and the floors"
[ -s "$folder/results.json" ] || fail "no provenance beside results.csv"
"$occkit" compare --short "$folder/results.csv"
"$python" "$plot" --occkit "$occkit" "$folder/results.csv"
for kind in png svg; do
  figures="$(find "$folder" -name "*.$kind" -size +1k | wc -l)"
  [ "$figures" -ge 4 ] || fail "$figures $kind figures, expected at least throughput, conflicts, retries and latency"
done
# A finished result is never overwritten.
before="$(cksum "$folder/results.csv")"
status=0
"$occkit" run --strategy null --duration 1ms --out "$folder" >/dev/null 2>&1 || status=$?
[ "$status" -eq 2 ] || fail "a run into a folder with a result ended with $status, expected 2"
[ "$before" = "$(cksum "$folder/results.csv")" ] || fail "the result was overwritten"
echo "smoke: $rows rows, figures drawn"
