#!/usr/bin/env bash
# A real engine on this machine, with one node or three, and faults for its nodes.
#
#   harness/cluster/cluster.sh up [--engine ENGINE] [--nodes 1|3] [--manager N] [--network auto|loopback|namespaces]
#                                 [--port PORT] [--heap MB] [--setting NAME=VALUE]... [--java PROGRAM] [--no-install]
#                                 [--timeout S]
#   harness/cluster/cluster.sh down|status|wait
#   harness/cluster/cluster.sh kill|start|pause|resume|cut|heal NODE... [--index INDEX] [--shard N]
#                                 [--direction both|in|out] [--from N,M]
#
# Each takes --folder DIR. `--help`, also behind a command, says more; so does README.md.
set -euo pipefail

here="$(dirname "${BASH_SOURCE[0]}")"
# Debian's own Python, as for the other scripts.
python=/usr/bin/python3
[ -x "$python" ] || python=python3
exec "$python" -B "$here/cluster.py" "$@"
