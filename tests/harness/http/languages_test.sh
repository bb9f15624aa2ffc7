#!/usr/bin/env bash
# Clients of other languages than JavaScript, against `occkit serve` or a real Elasticsearch 7: conditional writes, conflicts
# as the clients' own errors, many callers at once, the bulk helpers.
#
#   tests/harness/http/languages_test.sh python|go OCCKIT FOLDER [STRATEGY...]   packed_cas unless some are named
#   tests/harness/http/languages_test.sh python|go URL FOLDER
#
# The clients are installed in FOLDER, in the versions and with the checksums that client/ has (requirements.txt, go.sum);
# later runs need no network. Ends with status 77 if the language or its registry is not there.
set -euo pipefail
here="$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)/client"
[ $# -ge 3 ] || {
  echo "usage: tests/harness/http/languages_test.sh python|go OCCKIT|URL FOLDER [STRATEGY...]" >&2
  exit 2
}
language="$1"
server="$2"
mkdir -p "$3"
folder="$(realpath "$3")"
shift 3

skip() {
  echo "languages_test: $language is skipped, $1"
  exit 77
}
fail() {
  echo "languages_test: $1" >&2
  exit 1
}

# install SUBJECT LOG COMMAND...: one that fails since nobody is reached is no failure of ours.
install() {
  local subject="$1" log="$2"
  shift 2
  "$@" >"$log" 2>&1 && return
  grep -qiE 'name resolution|connection refused|unreachable|timed? ?out|no such host|could not fetch|dial tcp|proxy' "$log" &&
    skip "$subject cannot be reached: $(grep -m1 -iE 'error|dial|proxy' "$log")"
  cat "$log" >&2
  fail "$subject: the clients could not be installed"
}

case "$language" in
  python)
    command -v python3 >/dev/null || skip "there is no Python"
    python3 -c 'import ensurepip, venv' 2>/dev/null || skip "python3 -m venv is not there (Debian's python3-venv)"
    if ! cmp -s "$here/requirements.txt" "$folder/installed.txt"; then
      rm -rf "$folder/venv" "$folder/installed.txt"
      python3 -m venv "$folder/venv"
      install "the Python package index" "$folder/pip.log" "$folder/venv/bin/pip" install --disable-pip-version-check \
        --retries 1 --timeout 30 --require-hashes -r "$here/requirements.txt"
      cp "$here/requirements.txt" "$folder/installed.txt"
    fi
    client=("$folder/venv/bin/python" -B "$here/client_test.py")
    ;;
  go)
    go="$(command -v go || echo /usr/local/go/bin/go)"
    [ -x "$go" ] || skip "there is no Go"
    if ! cat "$here"/go/* | cmp -s - "$folder/installed.txt"; then
      rm -f "$folder/installed.txt"
      install "the Go proxy" "$folder/go.log" env GOTOOLCHAIN=local GOFLAGS="-mod=readonly -modcacherw" \
        GOPATH="$folder/path" GOCACHE="$folder/cache" "$go" build -C "$here/go" -o "$folder/client_test" .
      cat "$here"/go/* >"$folder/installed.txt"
    fi
    client=("$folder/client_test")
    ;;
  *) fail "'$language' is neither python nor go" ;;
esac

case "$server" in
  http://* | https://*) exec "${client[@]}" "$server" ;;
esac

occkit="$(realpath "$server")"
process=
trap '[ -z "$process" ] || kill "$process" 2>/dev/null || true' EXIT
[ $# -gt 0 ] || set -- packed_cas
for strategy in "$@"; do
  echo "$strategy:"
  "$occkit" serve --listen 127.0.0.1:0 --threads 4 --strategy "$strategy" >"$folder/served" 2>&1 &
  process=$!
  url=
  for _ in $(seq 600); do
    url="$(sed -nE 's|^(http://[0-9.]+:[0-9]+): .*|\1|p' "$folder/served")"
    [ -z "$url" ] || break
    sleep 0.1
  done
  [ -n "$url" ] || fail "the server does not start: $(cat "$folder/served")"
  "${client[@]}" "$url"
  kill -TERM "$process"
  wait "$process" || fail "the server ended with status $?"
  process=
done
