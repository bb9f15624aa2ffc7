#!/usr/bin/env bash
# The official JavaScript clients of Elasticsearch 7 and 8 against `occkit serve`.
#
#   tests/harness/http/client_test.sh OCCKIT FOLDER [STRATEGY...]      all strategies that claim the rules unless some are named
#
# The clients are installed in FOLDER from the npm registry, in the versions and with the checksums of
# tests/harness/http/client/package-lock.json; later runs need no network. Ends with status 77 if there is no Node.js or no registry.
set -euo pipefail
here="$(dirname "${BASH_SOURCE[0]}")"
[ $# -ge 2 ] || {
  echo "usage: tests/harness/http/client_test.sh OCCKIT FOLDER [STRATEGY...]" >&2
  exit 2
}
occkit="$(realpath "$1")"
folder="$2"
shift 2

skip() {
  echo "client_test: skipped, $1"
  exit 77
}

command -v node >/dev/null || skip "there is no Node.js (harness/install_packages.sh client)"
node -e 'process.exit(Number(process.versions.node.split(".")[0]) >= 18 ? 0 : 1)' ||
  skip "Node.js is $(node --version), the clients need 18 or later"

mkdir -p "$folder"
if ! cmp -s "$here/client/package-lock.json" "$folder/installed-lock.json"; then
  command -v npm >/dev/null || skip "there is no npm (harness/install_packages.sh client)"
  cp "$here/client/package.json" "$here/client/package-lock.json" "$folder"
  rm -f "$folder/installed-lock.json"
  if ! npm ci --prefix "$folder" --ignore-scripts --no-audit --no-fund --fetch-retries=1 --fetch-timeout=30000 \
    >"$folder/npm.log" 2>&1; then
    grep -qE 'E(AI_AGAIN|NOTFOUND|CONNREFUSED|CONNRESET|NETUNREACH|HOSTUNREACH|TIMEDOUT)|ERR_SOCKET_TIMEOUT|network' \
      "$folder/npm.log" && skip "the npm registry cannot be reached: $(grep -m1 -iE 'error' "$folder/npm.log")"
    cat "$folder/npm.log" >&2
    echo "client_test: npm could not install the clients" >&2
    exit 1
  fi
  cp "$here/client/package-lock.json" "$folder/installed-lock.json"
fi
cp "$here/client/client_test.mjs" "$folder"
exec node "$folder/client_test.mjs" "$occkit" "$@"
