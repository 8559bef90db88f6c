#!/usr/bin/env bash
# Runs the tests that need a cluster, in a network of their own: the API server refuses pods at loopback addresses, and a
# private network has others without root and without a container engine. Whatever is left over dies with it.
set -euo pipefail
cd "$(dirname "$0")/../.."
export MCPCTL_CLUSTER_ASSETS MCPCTL_MCP_SERVER
MCPCTL_CLUSTER_ASSETS="$(test/cluster/binaries/build.sh)"
MCPCTL_MCP_SERVER="$(test/cluster/binaries/mcp-server.sh)"
exec unshare --map-root-user --net --pid --fork --mount --mount-proc --kill-child -- sh -c '
  ip link set lo up
  for host in 2 3 4 5 6; do ip addr add "10.77.0.$host/32" dev lo; done
  exec "$@"' sh "$@"
