#!/usr/bin/env bash
# The programs of harness/micro: occkit_micro writes cases of every kind into one CSV file; occkit_plain finds its sums
# right, and says what was wrong with its arguments. Times are not looked at.
set -uo pipefail
micro=$1
plain=$2
work=$3
rm -rf "$work" && mkdir -p "$work" || exit 1
failed=0
fail() {
  echo "FAILED: $*"
  failed=1
}

# One case of each source file; their order is that of the program.
filter='^(packed_cas/get/hit/real_time/threads:1|block_exchange/std_mutex/real_time/threads:1|look_ahead/40|look_ahead_waiting/10|check_history/one_hot/workers:1.*)$'
if ! "$micro" --benchmark_filter="$filter" --benchmark_min_time=0.001 --benchmark_out_format=csv \
  --benchmark_out="$work/micro.csv" >"$work/micro.out" 2>&1; then
  cat "$work/micro.out"
  fail "occkit_micro does not come to its end with CSV"
fi
cases=$(grep -c -E '^"?(packed_cas|block_exchange|look_ahead|look_ahead_waiting|check_history)/' "$work/micro.csv")
[ "$cases" = 5 ] || fail "$cases of 5 cases are in the CSV file"

# All maps and cells, few documents.
"$plain" --docs 2000 --seconds 0.005 --replicates 2 --threads 1,2 --out "$work/plain.csv" 2>"$work/plain.err" || {
  cat "$work/plain.err"
  fail "occkit_plain does not find its sums right"
}
head -1 "$work/plain.csv" | grep -q '^workload,strategy,threads,replicate,seed,docs,window_s,ops,ops_per_s,failed$' ||
  fail "the header of occkit_plain's rows"
cells=$("$plain" --list | sed '1,/^$/d' | wc -l)
rows=$(grep -c ',packed_cas,' "$work/plain.csv")
[ "$rows" = $((cells * 4)) ] || fail "$rows rows of packed_cas, not 4 for each of $cells cells"

# Bad input: status 2, what was wrong, and what is accepted.
refused() {
  local expected=$1
  shift
  local said
  said=$("$plain" "$@" 2>&1)
  local status=$?
  [ "$status" = 2 ] || fail "$* ended with status $status, not 2"
  case $said in
    *"$expected"*) ;;
    *) fail "$* was answered with: $said" ;;
  esac
}
refused "--maps 'nothing': there is none of that name; accepted are packed_cas, " --maps nothing
refused "--cells 'gets': there is none of that name; accepted are get, cond, " --cells gets
refused "--cells: 'get' is given twice" --cells get,get
refused "--threads 0: accepted is 1 to 64" --threads 0
refused "--docs 10: accepted is 64 to " --docs 10
refused "--seconds 0: accepted is above 0" --seconds 0
refused "--replicates 0: accepted is 1 to 1000" --replicates 0
refused "--out /: " --out /
refused "--docs" --docs many
refused "--nonsense" --nonsense

exit $failed
