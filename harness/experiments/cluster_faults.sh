#!/usr/bin/env bash
# What clients of a cluster of three are answered while one of its nodes dies, stands still or is cut off:
# `occkit faults` for each fault, role and patience, by seeds. Brings the cluster up and takes it down.
#
#   harness/experiments/cluster_faults.sh [--engine ENGINE] [--faults "kill pause cut"] [--roles "primary replica manager"]
#                                         [--timeouts "120s 2s"] [--seeds N] [--harm S] [--manager N] [--out DIR]
#                                         [--occkit PROGRAM] [--folder DIR] [--keep-up] [--dry-run]
#
# --engine    of harness/cluster/cluster.sh (opensearch)
# --timeouts  how long clients wait for an answer: patient ones, and impatient ones
# --harm      how long a fault lasts (60)
# --keep-up   uses the cluster that is there, and leaves it
#
# Each run is a folder of DIR (results/cluster-faults-ENGINE): FAULT-ROLE-TIMEOUT-SEED. DIR/faults.csv has all rows.
# A run that is there is not done again. Exit status 1 if something impossible was found; that is a finding, and the
# rest is done all the same.
set -euo pipefail

root="$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)"
engine=opensearch faults="kill pause cut" roles="primary replica manager" timeouts="120s 2s" seeds=3 harm=60 manager=1
out="" occkit="$root/build/release/occkit" folder="$root/build/cluster" keep_up=no dry_run=no

while [ $# -gt 0 ]; do
  case "$1" in
    --engine | --faults | --roles | --timeouts | --seeds | --harm | --manager | --out | --occkit | --folder)
      [ $# -gt 1 ] || { echo "$1: a value is missing" >&2; exit 2; }
      name="${1#--}"
      printf -v "$name" '%s' "$2"
      shift
      ;;
    --keep-up) keep_up=yes ;;
    --dry-run) dry_run=yes ;;
    *)
      usage="$(sed -n 's/^#   \(harness.*\)/\1/p' "$0" | head -n 1)"
      echo "cluster_faults.sh: unknown argument '$1'; accepted are those of $usage ..." >&2
      exit 2
      ;;
  esac
  shift
done
out="${out:-$root/results/cluster-faults-$engine}"
cluster=("$root/harness/cluster/cluster.sh")

heal_of() {
  case "$1" in
    kill) echo start ;;
    pause) echo resume ;;
    cut) echo heal ;;
    *) echo "--faults '$1': accepted are kill, pause and cut" >&2; return 2 ;;
  esac
}

# Rows of all runs, under one header.
collect() {
  local first=yes file
  for file in "$out"/*/faults.csv; do
    [ -e "$file" ] || continue
    if [ "$first" = yes ]; then echo "run,$(head -n 1 "$file")"; fi
    first=no
    tail -n +2 "$file" | sed "s|^|$(basename "$(dirname "$file")"),|"
  done > "$out/faults.csv"
}

status=0
one_run() {
  local fault="$1" role="$2" timeout="$3" seed="$4" heals which
  local run="$out/$fault-$role-$timeout-$seed"
  [ ! -e "$run/faults.csv" ] || return 0
  heals="$(heal_of "$fault")"
  which="$role"
  [ "$role" = manager ] || which="$role --index \$OCCKIT_INDEX"
  local wait_s=$((harm + 40))
  local command=("$occkit" faults --url "$urls" --replicas 2 --clients 16 --docs 16 --seed "$seed" --stay
    --request-timeout "$timeout" --duration "$((10 + wait_s))s" --settle 180s --out "$run"
    --fault "10s: ${cluster[*]} $fault $which --folder $folder"
    --heal "$((10 + harm))s: ${cluster[*]} $heals all --folder $folder")
  if [ "$dry_run" = yes ]; then
    "${command[@]}" --dry-run
    return 0
  fi
  "${command[@]}" || status=1
  "${cluster[@]}" wait --folder "$folder"
}

for fault in $faults; do heal_of "$fault" > /dev/null; done
if [ "$dry_run" = yes ]; then
  urls="http://127.0.0.1:9200"
elif [ "$keep_up" = yes ]; then
  urls="$("${cluster[@]}" status --folder "$folder" | grep -o 'http://[0-9.:]*' | paste -sd, -)"
else
  urls="$("${cluster[@]}" up --engine "$engine" --nodes 3 --manager "$manager" --folder "$folder")"
  trap '"${cluster[@]}" down --folder "$folder"' EXIT
fi
[ "$dry_run" = yes ] || mkdir -p "$out"
for fault in $faults; do
  for role in $roles; do
    for timeout in $timeouts; do
      for seed in $(seq 1 "$seeds"); do one_run "$fault" "$role" "$timeout" "$seed"; done
    done
  done
done
[ "$dry_run" = yes ] || { collect && echo "$out/faults.csv"; }
exit "$status"
