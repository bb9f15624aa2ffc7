#!/usr/bin/env bash
# Fuzzes the parsers, and operations against the sequential model.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

build=build/fuzz
usage() {
  cat <<'END'
usage: tests/fuzz.sh TARGET|all [--seconds N] [--jobs N] [--seed N] [--corpus-out DIR]

  TARGET        operations, scenario, bulk, csv, request or script: tests/fuzz/TARGET_fuzz.cpp says what is tried and what must hold
  --seconds N   of each target (default: 60)
  --jobs N      targets at a time (default: the number of processors)
  --seed N      of the choices that are made (default: another one each time)
  --corpus-out DIR
                afterwards add to DIR/TARGET, which may be new, the inputs found that reach a branch which no input there
                reaches: tests/fuzz/corpus grows, a new folder gets a small corpus of everything

Begins with the corpus of tests/fuzz/corpus and the examples. What fuzzing adds to it stays in build/fuzz/corpus/TARGET,
so a later call goes on from there. Inputs that break something go to build/fuzz/findings/TARGET; `build/fuzz/fuzz_TARGET
FILE` runs one again.

Exit status: 0 if nothing was found; 1 if something was, or the build failed; 2 bad input.
END
}
fail() {
  echo "tests/fuzz.sh: $1" >&2
  exit "${2:-1}"
}
whole_number() { [[ "$2" =~ ^[1-9][0-9]{0,6}$ ]] || fail "$1 '$2': accepted are whole numbers from 1" 2; }

targets=()
seconds=60
jobs="$(nproc)"
seed=0
corpus_out=
while [ $# -gt 0 ]; do
  case "$1" in
    --seconds | --jobs | --seed | --corpus-out)
      [ $# -ge 2 ] || fail "$1 needs a value" 2
      [ "$1" = --corpus-out ] || whole_number "$1" "$2"
      case "$1" in
        --seconds) seconds="$2" ;;
        --jobs) jobs="$2" ;;
        --seed) seed="$2" ;;
        --corpus-out) corpus_out="$(realpath -m "$2")" ;;
      esac
      shift 2
      ;;
    operations | scenario | bulk | csv | request | script)
      targets+=("$1")
      shift
      ;;
    all)
      targets+=(operations scenario bulk csv request script)
      shift
      ;;
    -h | --help)
      usage
      exit 0
      ;;
    *)
      usage >&2
      fail "unknown argument '$1'" 2
      ;;
  esac
done
[ "${#targets[@]}" -gt 0 ] || fail "which target? accepted are operations, scenario, bulk, csv, request, script and all" 2

command -v clang++ >/dev/null || fail "clang++ is missing: harness/install_packages.sh check"
cmake --preset fuzz --log-level=WARNING
cmake --build --preset fuzz --target "${targets[@]/#/fuzz_}"

# inputs TARGET: the folders that a run begins with, besides its own.
inputs() {
  local folders=("tests/fuzz/corpus/$1")
  [ "$1" != scenario ] || folders+=(harness/scenarios tests/data/conformance)
  printf '%s\n' "${folders[@]}"
}

# fuzz TARGET: runs it, prints its closing lines; fails if it found something.
fuzz() {
  local target="$1" found="$build/findings/$1" corpus="$build/corpus/$1" log="$build/$1.log" options=() begin
  mkdir -p "$found" "$corpus"
  mapfile -t begin < <(inputs "$target")
  [ ! -e "tests/fuzz/$target.dict" ] || options+=("-dict=tests/fuzz/$target.dict")
  # A results file has a header of more than 2 KB; sequences of operations are worth more when they are many.
  case "$target" in
    operations) options+=(-max_len=1024 -len_control=0) ;;
    csv) options+=(-max_len=8192) ;;
    *) options+=(-max_len=4096) ;;
  esac
  local status=0
  "$build/fuzz_$target" -seed="$seed" -max_total_time="$seconds" -timeout=20 -rss_limit_mb=4096 -print_final_stats=1 \
    -artifact_prefix="$found/" "${options[@]}" "$corpus" "${begin[@]}" >"$log" 2>&1 || status=$?
  local runs coverage
  runs="$(sed -nE 's/^stat::number_of_executed_units: *//p' "$log")"
  coverage="$(sed -nE 's/^#[0-9]+.*cov: ([0-9]+) ft: ([0-9]+) corp: ([0-9]+).*/\1 edges, \2 features, \3 inputs in the corpus/p' "$log" | tail -n 1)"
  echo "$target: ${runs:-?} executions in $seconds s; ${coverage:-no coverage reported}"
  if [ "$status" -ne 0 ]; then
    echo "$target: FOUND something (status $status); inputs in $found, the whole log in $log. Its end:"
    grep -vE '^#[0-9]+' "$log" | tail -n 60
    return 1
  fi
}

failed=0
running=0
for target in "${targets[@]}"; do
  if [ "$running" -ge "$jobs" ]; then
    wait -n || failed=1
    running=$((running - 1))
  fi
  fuzz "$target" &
  running=$((running + 1))
done
while [ "$running" -gt 0 ]; do
  wait -n || failed=1
  running=$((running - 1))
done

if [ -n "$corpus_out" ]; then
  for target in "${targets[@]}"; do
    mapfile -t begin < <(inputs "$target")
    mkdir -p "$corpus_out/$target"
    "$build/fuzz_$target" -merge=1 -use_counters=0 -timeout=20 "$corpus_out/$target" "$build/corpus/$target" "${begin[@]}" \
      >"$build/$target.merge.log" 2>&1 || fail "merging the corpus of $target failed: $build/$target.merge.log"
    echo "$target: $(find "$corpus_out/$target" -type f | wc -l) inputs in $corpus_out/$target"
  done
fi
[ "$failed" -eq 0 ] && echo "Nothing found."
exit "$failed"
