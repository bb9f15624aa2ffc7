#!/usr/bin/env bash
# harness/cluster/cluster.sh with a real engine: three nodes are brought up, broken, mended and taken down.
#
#   engine_test.sh FOLDER [ENGINE]     FOLDER keeps the engine's jars; ENGINE as in cluster.sh up --engine
#
# Ends with status 77, which counts as skipped, unless OCCKIT_ENGINE=yes (tests/run.sh --engine): it needs a JDK, and the
# network for the first time.
set -euo pipefail

[ "${OCCKIT_ENGINE:-no}" = yes ] || {
  echo "Skipped: tests/run.sh --engine runs it. It fetches an engine with Maven, once."
  exit 77
}
folder="$1"
engine="${2:-opensearch}"
room="$(cd "$(dirname "${BASH_SOURCE[0]}")/../../../harness/cluster" && pwd)"
[ -x "$(command -v java)" ] && [ -x "$(command -v mvn)" ] && [ -x "$(command -v curl)" ] || {
  echo "Skipped: harness/install_packages.sh cluster check gets what is missing of java, mvn and curl."
  exit 77
}

cluster() { "$room/cluster.sh" "$@" --folder "$folder"; }
fail() {
  echo "engine_test: $1" >&2
  exit 1
}
expect() { grep -Eq -- "$2" <<<"$1" || fail "'$2' is not in: $1"; }
trap 'cluster down' EXIT

cluster down
urls="$(cluster up --engine "$engine" --nodes 3 --manager 2 --port 19300 --heap 512 --no-install)"
first="${urls%%,*}"
expect "$(cluster status)" '^n2 .*manager'
put() { curl --noproxy '*' --fail --silent --show-error --max-time 60 -XPUT -H 'Content-Type: application/json' "$@"; }
put "$first/i" -d '{"settings": {"number_of_shards": 1, "number_of_replicas": 2}}' >/dev/null
cluster wait
put "$first/i/_doc/1" -d '{"n": 1}' >/dev/null

cluster kill primary --index i
expect "$(cluster status)" 'killed'
cluster start all
cluster wait
cluster pause 3
expect "$(cluster status)" '^n3 .*paused'
cluster resume 3
if cluster status | grep -q namespaces; then
  cluster cut 3 --direction out
  expect "$(cluster status)" '^n3 .*cut off \(out\) from n1, n2'
  curl --noproxy '*' --fail --silent --max-time 60 "${urls##*,}" >/dev/null || fail "clients do not reach the node that is cut off"
  cluster heal 3
fi
cluster wait
expect "$(curl --noproxy '*' --silent --max-time 60 "$first/i/_doc/1")" '"n": ?1'
cluster down
[ ! -e "$folder/run" ] || fail "$folder/run is still there"
[ -z "$(pgrep -f -- "-Docckit.cluster=$folder" || true)" ] || fail "a process is left"
