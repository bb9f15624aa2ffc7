#!/usr/bin/env bash
# From a fresh Debian 12 to the answer: installs what is missing, builds, runs the main comparison, prints who wins,
# draws the figures, makes the report, builds the other programs that README names.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

usage() {
  cat <<'END'
usage: harness/run.sh [--full] [--no-install] [--out DIR | --resume DIR]

  (nothing)     the main comparison: about five minutes on two cores once it is built; what others on the machine
                disturbed is measured again, which takes longer
  --full        the reference run: 1,000,000 documents, ten replicates; an hour
  --no-install  install no packages; if some are missing, say which and stop
  --out DIR     write to DIR, a new or empty folder (default: results/run-<UTC time>)
  --resume DIR  go on with a run that was interrupted: same experiment, finished rows are kept

Exit status: 0; 1 a step failed, or a row of the run failed its verification; 2 bad input; 74 no room to write;
130 interrupted.
END
}

fail() {
  echo "harness/run.sh: $1" >&2
  exit "${2:-1}"
}

experiment=main
install=()
out=""
resume=()
while [ $# -gt 0 ]; do
  case "$1" in
    --full) experiment=reference ;;
    --no-install) install=(--no-install) ;;
    --out | --resume)
      [ $# -ge 2 ] || fail "$1 needs a folder" 2
      [ -z "$out" ] || fail "only one of --out and --resume, once" 2
      out="$2"
      if [ "$1" = --resume ]; then
        [ -e "$out/results.csv" ] || fail "there is no run to resume in '$out': it has no results.csv" 2
        resume=(--resume)
      fi
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
  shift
done
[ -n "$out" ] || out="results/run-$(date -u +%Y%m%dT%H%M%SZ)"

# Said before the build, which takes minutes.
if [ "${#resume[@]}" -eq 0 ]; then
  for file in "$out/results.csv" "$out/results.json"; do
    [ ! -e "$file" ] || fail "--out: '$file' is there already and is not overwritten; --resume goes on with it, or name another folder" 2
  done
fi
parent="$out"
while [ ! -e "$parent" ]; do parent="$(dirname "$parent")"; done
[ -d "$parent" ] || fail "--out: '$parent' is not a folder" 2
[ -w "$parent" ] || fail "--out: '$parent' may not be written to" 2

# A program that handles Ctrl-C itself ends in its own time; the shell remembers and stops after it.
interrupted=no
trap 'interrupted=yes' INT TERM

step() { printf '\n==> %s\n' "$1"; }

# must MESSAGE COMMAND...: the script ends if the command fails.
must() {
  local message="$1" status=0
  shift
  "$@" || status=$?
  [ "$interrupted" = no ] || fail "interrupted" 130
  [ "$status" -eq 0 ] || fail "$message (status $status of: $*)"
}

step "1/6 Debian packages"
must "packages are missing" harness/install_packages.sh "${install[@]}" build plot

step "2/6 Configure: cmake --preset release"
must "configuring failed" cmake --preset release --log-level=WARNING

step "3/6 Build: build/release/occkit"
began=$SECONDS
must "building failed" cmake --build --preset release --target occkit_program
echo "Built in $((SECONDS - began)) s."

cores="$(nproc)"
# The reference has thread counts of its own, the same on every machine.
threads=()
[ "$experiment" = reference ] || threads=(--threads "$(printf '%s\n' 1 "$cores" "$((2 * cores))" | sort -nu | paste -sd,)")
step "4/6 Run: the $experiment comparison on $cores cores, to $out"
status=0
build/release/occkit run --config "harness/experiments/$experiment.toml" "${threads[@]}" --out "$out" \
  "${resume[@]}" || status=$?
again="harness/run.sh$([ "$experiment" = main ] || echo " --full") --resume $out"
if [ "$interrupted" = yes ] || [ "$status" -eq 130 ]; then
  echo
  [ -e "$out/results.csv" ] && echo "The finished rows are in $out/results.csv. To go on: $again"
  exit 130
fi
# Status 1: some row failed its verification. The others are worth a look, so the script goes on and ends with 1.
[ "$status" -le 1 ] || fail "the run failed; the message is above" "$status"
[ -s "$out/results.csv" ] || fail "the run wrote no rows" 1

step "5/6 Compare and draw"
must "comparing failed" build/release/occkit compare --short "$out/results.csv"
# Debian's own Python is the one that Debian's matplotlib is installed for.
python=/usr/bin/python3
[ -x "$python" ] || python=python3
must "drawing failed" "$python" results/plot.py "$out/results.csv" >/dev/null
must "making the report failed" build/release/occkit report "$out/results.csv" --out "$out/report.html" >/dev/null

step "6/6 Build what else README names: the cells of occkit stall, occkit_micro, occkit_plain, what cmake --install takes"
began=$SECONDS
must "building the other programs failed; the results are in $out" cmake --build --preset release \
  --target occkit_stall_cell occkit_micro occkit_plain
echo "Built in $((SECONDS - began)) s."

echo
echo "Rows:       $out/results.csv (one per replicate; machine and build beside it in results.json)"
echo "Figures (each as .svg too):"
find "$out" -name '*.png' | sort | sed 's/^/            /'
echo "All of it, for a browser: $out/report.html"
if [ "$status" -ne 0 ]; then
  fail "some rows failed their verification (column verified = no); they are neither compared nor drawn" 1
fi
