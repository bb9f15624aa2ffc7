#!/usr/bin/env bash
# The two stories as people type them: curl, against `occkit serve` as Elasticsearch 7 and as Elasticsearch 6.
#
#   tests/harness/http/curl_test.sh OCCKIT
#
# The lines say 127.0.0.1:9200; the server listens on any free port, and the address is put in. Ends with status 77 if
# there is no curl.
set -euo pipefail
occkit="$1"

command -v curl >/dev/null || {
  echo "curl_test: skipped, there is no curl (harness/install_packages.sh check)"
  exit 77
}

folder="$(mktemp -d)"
server=
trap '[ -z "$server" ] || kill "$server" 2>/dev/null || true; rm -rf "$folder"' EXIT

# serve OPTIONS...: starts a server; its address is in $address.
serve() {
  [ -z "$server" ] || stop
  "$occkit" serve --listen 127.0.0.1:0 "$@" >"$folder/out" 2>"$folder/err" &
  server=$!
  for _ in $(seq 600); do
    address="$(sed -nE 's|^http://([0-9.]+:[0-9]+): .*|\1|p' "$folder/out")"
    [ -z "$address" ] || return 0
    sleep 0.1
  done
  echo "curl_test: the server does not start: $(cat "$folder/err")" >&2
  exit 1
}

stop() {
  kill -TERM "$server"
  wait "$server" || fail "the server ended with status $?"
  server=
}

fail() {
  echo "curl_test: $1" >&2
  exit 1
}

# As typed, but for the port. Keeps the answer and its status for expect.
curl() {
  command curl --silent --show-error --noproxy '*' --max-time 60 --output "$folder/answer" --write-out '%{http_code}' \
    "${@//127.0.0.1:9200/$address}" >"$folder/status"
  echo "$(cat "$folder/status") $(cat "$folder/answer")"
}

# expect STATUS TEXT...: what the last answer must have.
expect() {
  local status="$1" text
  shift
  [ "$(cat "$folder/status")" = "$status" ] || fail "expected status $status, got $(cat "$folder/status")"
  for text in "$@"; do
    grep -qF -- "$text" "$folder/answer" || fail "expected '$text' in the answer"
  done
  expectations=$((expectations + 1))
}
expectations=0

serve

# The movie.
curl -XPUT "127.0.0.1:9200/movies" -H 'Content-Type: application/json' -d '{"settings": {"number_of_shards": 1}}'
expect 200 '"acknowledged":true'
curl -XPUT "127.0.0.1:9200/movies/_doc/109487" -H 'Content-Type: application/json' -d '
{
  "genre": ["IMAX", "Sci-Fi"],
  "title": "Interstellar",
  "year": 2013
}'
expect 201 '"_seq_no":0' '"_primary_term":1'
curl -XGET "127.0.0.1:9200/movies/_doc/109487?pretty"
expect 200 '"_seq_no" : 0,' '"title" : "Interstellar",'
curl -XPUT "127.0.0.1:9200/movies/_doc/109487?if_seq_no=0&if_primary_term=1" -H 'Content-Type: application/json' -d '
{
  "genre": ["IMAX", "Sci-Fi"],
  "title": "Interstellar",
  "year": 2014
}'
expect 200 '"_version":2' '"_seq_no":1' '"result":"updated"'
curl -XPUT "127.0.0.1:9200/movies/_doc/109487?if_seq_no=0&if_primary_term=1" -H 'Content-Type: application/json' -d '
{
  "genre": ["IMAX", "Sci-Fi"],
  "title": "Interstellar",
  "year": 2014
}'
expect 409 '"reason":"[109487]: version conflict, required seqNo [0], primary term [1]. current document has seqNo [1] and primary term [1]"'
curl -XPOST "127.0.0.1:9200/movies/_update/109487?retry_on_conflict=5" -H 'Content-Type: application/json' -d '
{
  "doc": {
    "title": "Interstellar (2014)"
  }
}'
expect 200 '"_version":3' '"_seq_no":2'
curl "127.0.0.1:9200/movies/_source/109487"
expect 200 '"title":"Interstellar (2014)"' '"year":2014'
# Whoever holds a token from before a fail-over is refused, if somebody wrote since.
curl -XPOST "127.0.0.1:9200/_occkit/fail_over/movies"
expect 200 '"primary_terms":{"0":2}'
curl -XPOST "127.0.0.1:9200/movies/_update/109487" -H 'Content-Type: application/json' -d '{"doc": {"year": 2015}}'
expect 200 '"_primary_term":2'
curl -XDELETE "127.0.0.1:9200/movies/_doc/109487?if_seq_no=2&if_primary_term=1"
expect 409 'current document has seqNo [3] and primary term [2]'
curl -I "127.0.0.1:9200/movies/_doc/1"
expect 404

# The shop: without a content type, as in a hurry.
curl -XPUT "127.0.0.1:9200/shop/_doc/1" -d '{"price": 99, "in_stock": 6}'
expect 201
curl -XPUT "127.0.0.1:9200/shop/_doc/1?if_seq_no=0&if_primary_term=1" -d '{"price": 99, "in_stock": 0}'
expect 200 '"_seq_no":1'
curl -XPUT "127.0.0.1:9200/shop/_doc/1?if_seq_no=0&if_primary_term=1" -d '{"price": 99, "in_stock": 5}'
expect 409 'required seqNo [0], primary term [1]. current document has seqNo [1] and primary term [1]'
curl -XPUT "127.0.0.1:9200/shop/_doc/1?version=1" -d '{"price": 99, "in_stock": 5}'
expect 400 'internal versioning can not be used for optimistic concurrency control'
curl "127.0.0.1:9200/shop/_doc/1"
expect 200 '"_source":{"price": 99, "in_stock": 0}'
# A body that is large enough for curl to ask first whether it is wanted (Expect: 100-continue).
head -c 2000000 /dev/zero | tr '\0' x | sed 's/^/{"text":"/; s/$/"}/' >"$folder/large.json"
curl -XPUT "127.0.0.1:9200/shop/_doc/large" -H 'Content-Type: application/json' --data-binary "@$folder/large.json"
expect 201

# The shop as it was in Elasticsearch 6.
serve --compat 6
curl -XPUT "127.0.0.1:9200/shop/_doc/1" -H 'Content-Type: application/json' -d '{"price": 99, "in_stock": 6}'
expect 201 '"_version":1'
curl -XPUT "127.0.0.1:9200/shop/_doc/1?version=1" -H 'Content-Type: application/json' -d '{"price": 99, "in_stock": 0}'
expect 200 '"_version":2'
curl -XPUT "127.0.0.1:9200/shop/_doc/1?version=1" -H 'Content-Type: application/json' -d '{"price": 99, "in_stock": 5}'
expect 409 '[_doc][1]: version conflict, current version [2] is different than the one provided [1]'
curl -XPUT "127.0.0.1:9200/shop/_doc/1?version=2" -H 'Content-Type: application/json' -d '{"price": 99, "in_stock": 0, "ordered": 1}'
expect 200 '"_version":3'
stop

echo "curl_test: $expectations answers as expected"
