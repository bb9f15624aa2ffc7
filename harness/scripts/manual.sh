#!/usr/bin/env bash
# Makes the manual pages and the completions of a shell, from what the program says of itself.
#
#   harness/scripts/manual.sh PROGRAM FOLDER      FOLDER gets man1/*.1.gz, bash/occkit and zsh/_occkit
#
# Pages need help2man (harness/install_packages.sh package); without it there are completions only, and it says so.
set -euo pipefail

[ $# -eq 2 ] && [ -x "$1" ] || {
  echo "usage: harness/scripts/manual.sh PROGRAM FOLDER" >&2
  exit 2
}
program="$(readlink -f "$1")"
folder="$2"
rm -rf "$folder/man1" "$folder/bash" "$folder/zsh"
mkdir -p "$folder/man1" "$folder/bash" "$folder/zsh"
"$program" completion bash >"$folder/bash/occkit"
"$program" completion zsh >"$folder/zsh/_occkit"

if ! command -v help2man >/dev/null; then
  echo "manual.sh: no help2man, so no manual pages" >&2
  exit 0
fi
version="$("$program" --version)"
# The program by its name, so that no page names a folder.
links="$(mktemp -d)"
trap 'rm -rf "$links"' EXIT
ln -s "$program" "$links/occkit"
export PATH="$links:$PATH"

# page NAME SUMMARY COMMAND SEE
page() {
  help2man --no-info --section=1 --source="$version" --manual="occkit" --version-string="${version#occkit }" \
    --name="$2" --include=<(printf '[see also]\n%s\n' "$4") "$3" |
    sed "s/^$3 \\\\- /$1 \\\\- /" |
    gzip -9n >"$folder/man1/$1.1.gz"
}

commands="$(occkit help | sed -n '/^Subcommands:/,$s/^  \([a-z][a-z]*\) .*/\1/p')"
[ -n "$commands" ] || {
  echo "manual.sh: '$program help' names no commands" >&2
  exit 1
}
all=""
for command in $commands; do
  summary="$(occkit help "$command" | sed -n 1p)"
  page "occkit-$command" "${summary,}" "occkit $command" ".BR occkit (1)"
  all+="${all:+, }.BR occkit-$command (1)"
done
page occkit "how should many threads update the same documents?" occkit "$(sed 's/, /,\n/g' <<<"$all")"
