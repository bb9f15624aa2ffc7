#!/usr/bin/env bash
# The layout of the code, or its names and likely mistakes.
#
#   tests/style.sh format          clang-format (14) would change nothing; the layout is .clang-format's
#   tests/style.sh tidy BUILD_DIR [FILE...]
#                                  clang-tidy (14) finds nothing in these files, or in any; the checks are .clang-tidy's.
#                                  BUILD_DIR is configured. All files take five minutes on two cores.
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
    build_dir="$2"
    shift 2
    if [ $# -gt 0 ]; then printf '%s\n' "$@"; else find core variants harness -name '*.cpp' | sort; fi |
      xargs -P "$(nproc)" -n 1 clang-tidy --quiet --extra-arg=-Qunused-arguments -p "$build_dir"
    echo "clang-tidy has no findings."
    ;;
  *)
    echo "tests/style.sh: accepted are 'format' and 'tidy BUILD_DIR [FILE...]'" >&2
    exit 2
    ;;
esac
