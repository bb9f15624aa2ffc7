#!/usr/bin/env bash
# From a fresh Debian 12 to tested: installs what is missing, builds the release preset, runs every test.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

usage() {
  cat <<'END'
usage: tests/run.sh [--fast] [--sanitizers] [--style] [--engine] [--no-install]

  (nothing)     the release build and all its tests
  --fast        a build that is optimised less, in half the time, instead of the release build; with --sanitizers, under
                them only the tests of core and variants, and no fuzzing (the corpora are tests of every build)
  --sanitizers  then the same under AddressSanitizer with UBSan, and under ThreadSanitizer; then 6 s of each fuzzer
  --style       first the layout of the code (clang-format), last its names and likely mistakes (clang-tidy, a fixed
                sample of the files; tests/style.sh tidy build/release reads all)
  --engine      also what starts a real engine (a JDK and Maven, which fetches it once); without that it counts as skipped
  --no-install  install no packages; if some are missing, say which and stop

Exit status: 0 if everything passed; 1 if not; 2 bad input. The last line says how many passed, failed and were skipped.
END
}

fail() {
  echo "tests/run.sh: $1" >&2
  exit "${2:-1}"
}

build=release
sanitizers=()
fast=no
style=no
engine=no
fuzz=no
install=()
for argument in "$@"; do
  case "$argument" in
    --sanitizers)
      sanitizers=(asan-ubsan tsan)
      fuzz=yes
      ;;
    --fast)
      build=fast
      fast=yes
      ;;
    --style) style=yes ;;
    --engine)
      engine=yes
      export OCCKIT_ENGINE=yes
      ;;
    --no-install) install=(--no-install) ;;
    -h | --help)
      usage
      exit 0
      ;;
    *)
      usage >&2
      fail "unknown argument '$argument'" 2
      ;;
  esac
done

passed=0
failed=0
skipped=0
step() { printf '\n==> %s (%d s)\n' "$1" "$SECONDS"; }

# check NAME COMMAND...: one check that passes or fails as a whole.
check() {
  local name="$1"
  shift
  if "$@"; then
    passed=$((passed + 1))
  else
    failed=$((failed + 1))
    echo "FAILED: $name"
  fi
}

# Up to g++ 13 the race detector does not find its address ranges where the kernel randomises more than 28 bits
# ("unexpected memory mapping"); there, its programs are built and run without randomisation.
without_randomisation() {
  if [ "$(cat /proc/sys/vm/mmap_rnd_bits 2>/dev/null || echo 28)" -gt 28 ] && setarch -R true 2>/dev/null; then
    setarch -R "$@"
  else
    "$@"
  fi
}

# test_preset PRESET: builds everything and runs all tests; a build that fails is one failure.
test_preset() {
  local preset="$1" log="build/$1/ctest.log" wrap=() target=() label=()
  if [ "$fast" = yes ] && [ "$preset" != "$build" ]; then
    target=(--target core_tests)
    label=(--label-regex '^core$')
    export OCCKIT_TEST_EFFORT="${OCCKIT_TEST_EFFORT:-0.03}"
  fi
  [ "$preset" != tsan ] || wrap=(without_randomisation)
  step "Configure and build: preset $preset"
  if ! { cmake --preset "$preset" --log-level=WARNING && "${wrap[@]}" cmake --build --preset "$preset" "${target[@]}"; }; then
    failed=$((failed + 1))
    echo "FAILED: the $preset build"
    return
  fi
  step "Test: ctest --preset $preset"
  "${wrap[@]}" ctest --preset "$preset" "${label[@]}" --no-tests=error --parallel "$(nproc)" 2>&1 | tee "$log" || true
  # ctest's own closing line: "98% tests passed, 2 tests failed out of 100".
  local counts
  if counts="$(sed -nE 's/^[0-9]+% tests passed, ([0-9]+) tests? failed out of ([0-9]+)$/\1 \2/p' "$log")" &&
    [ -n "$counts" ]; then
    local left_out
    left_out="$(grep -c '[*]Skipped ' "$log" || true)"
    failed=$((failed + ${counts% *}))
    skipped=$((skipped + left_out))
    passed=$((passed + ${counts#* } - ${counts% *} - left_out))
  else
    failed=$((failed + 1))
    echo "FAILED: ctest of $preset came to no end"
  fi
}

[ "$fast" = no ] || fuzz=no

step "Debian packages"
groups=(build plot)
[ "$style$fuzz$engine" = nonono ] || groups+=(check)
[ "$engine" = no ] || groups+=(cluster)
harness/install_packages.sh "${install[@]}" "${groups[@]}" || fail "packages are missing"

if [ "$style" = yes ]; then
  step "Layout: clang-format"
  check clang-format tests/style.sh format
fi
for preset in "$build" "${sanitizers[@]}"; do
  test_preset "$preset"
done
if [ "$fuzz" = yes ]; then
  step "Fuzzing: 6 s of each target"
  # One seed, so that it is the change that is tried here, not luck.
  check fuzzing tests/fuzz.sh all --seconds 6 --seed 1
fi
if [ "$style" = yes ]; then
  step "Names and likely mistakes: clang-tidy"
  # Through these it sees every header of core/ and variants/, and a part of each area of the harness.
  check clang-tidy tests/style.sh tidy "build/$build" core/model/reason.cpp variants/strategies.cpp harness/history/history_check.cpp \
    harness/http/http_exchange.cpp harness/rest/rest_update.cpp harness/stall/stall_verdict.cpp harness/measure/verify.cpp
fi

step "Done"
echo "$passed passed, $failed failed, $skipped skipped"
[ "$failed" -eq 0 ] && [ "$passed" -gt 0 ]
