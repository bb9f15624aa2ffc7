#!/usr/bin/env bash
# Every map in the plain loop and in the kit, in turn, and the table of both.
#
#   harness/scripts/shootout.sh [--build DIR] [--out DIR] [--replicates N] [--cells A,B,...] [--threads N,M]
#                               [--docs N] [--strategies X,Y]
#
# --build       folder with occkit and harness/micro's occkit_plain (build/release)
# --out         new folder for rows and table.md (results/shootout-DATE)
# --replicates  rounds; each measures everything once in the plain loop and once in the kit (6)
# --cells       workloads that both have (those of harness/experiments/shootout.toml)
# --threads     numbers of threads (1,2)
# --docs        documents (1000000)
# --strategies  of the kit alone (those of the experiment file); the plain loop has all of its maps
#
# malloc's memory comes in huge pages here (glibc.malloc.hugetlb=1), as that of our tables does: otherwise the maps of
# other libraries would do with smaller ones. Exit status: 0; 1 a sum or a verification was wrong; 2 bad input.
set -uo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.." || exit 70

build=build/release
out="results/shootout-$(date +%Y-%m-%d-%H%M%S)"
replicates=6
cells=get,cond,cond-zipf,cond-read-mostly,uniform,zipf,cond-hot16,cond-hot,hot,hot16,get-bulk,cond-bulk
threads=1,2
docs=1000000
strategies=
bad() {
  echo "shootout.sh: $1" >&2
  exit 2
}
while [ $# -gt 0 ]; do
  case $1 in
    --build | --out | --replicates | --cells | --threads | --docs | --strategies)
      [ $# -ge 2 ] || bad "$1 needs a value"
      printf -v "${1#--}" %s "$2"
      shift 2
      ;;
    *) bad "'$1' is no option; accepted are --build, --out, --replicates, --cells, --threads, --docs, --strategies" ;;
  esac
done
[[ $replicates =~ ^[1-9][0-9]{0,2}$ ]] || bad "--replicates $replicates: accepted is 1 to 999"
[ ! -e "$out" ] || bad "--out $out: it is there already; accepted is a new folder"
for program in occkit occkit_plain; do
  [ -x "$build/$program" ] || bad "$build/$program is not built; cmake --build $build --target occkit_program occkit_plain"
done
mkdir -p "$out" || bad "--out $out: cannot be made"
export GLIBC_TUNABLES=glibc.malloc.hugetlb=1

status=0
run() {
  "$@"
  local ended=$?
  case $ended in
    0) ;;
    1) status=1 ;;
    *) exit $ended ;;
  esac
}
for ((round = 1; round <= replicates; ++round)); do
  echo "==> round $round of $replicates" >&2
  run "$build/occkit_plain" --cells "$cells" --threads "$threads" --docs "$docs" --replicates 1 --seed "$round" \
    --out "$out/plain-$round.csv"
  run "$build/occkit" run --config harness/experiments/shootout.toml --workload "$cells" --threads "$threads" \
    --docs "$docs" --replicates 1 --seed "$round" --check none ${strategies:+--strategy "$strategies"} --out "$out/kit-$round"
done
run python3 harness/scripts/shootout.py --plain "$out"/plain-*.csv --kit "$out"/kit-*/results.csv >"$out/table.md"
cat "$out/table.md"
exit $status
