#!/usr/bin/env bash
# The layout of the code, or its names and likely mistakes.
#
#   tests/style.sh format          clang-format (14) would change nothing; the layout is .clang-format's
#   tests/style.sh tidy BUILD_DIR  clang-tidy (14) finds nothing; the checks are .clang-tidy's. BUILD_DIR is configured.
#
# clang-tidy reads one translation unit per area; through them it sees every header of core/ and variants/.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

case "${1:-}" in
  format)
    find core variants harness tests -name '*.cpp' -o -name '*.hpp' | sort | xargs clang-format --dry-run --Werror
    echo "The layout is clang-format's."
    ;;
  tidy)
    [ -e "${2:-}/compile_commands.json" ] || {
      echo "tests/style.sh: tidy needs a configured build folder" >&2
      exit 2
    }
    find core variants harness -name '*.cpp' | sort | xargs -P "$(nproc)" -n 1 clang-tidy --quiet --extra-arg=-Qunused-arguments -p "$2"
    echo "clang-tidy has no findings."
    ;;
  *)
    echo "tests/style.sh: accepted are 'format' and 'tidy BUILD_DIR'" >&2
    exit 2
    ;;
esac
