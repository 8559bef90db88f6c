#!/usr/bin/env bash
# The hook of .pre-commit-hooks.yaml: `roles check` of the checkout that pre-commit keeps, which is built when it is first used.
set -eo pipefail
folder="$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)"
# shellcheck source=scripts/checkout.sh
. "$folder/scripts/checkout.sh"

node="$(find_node)"
if [ ! -f "$folder/dist/main.js" ]; then
  log="$(mktemp)"
  build_checkout "$folder" "$node" > "$log" 2>&1 || { cat "$log" >&2; exit 1; }
  # The bundle needs none of them.
  rm -rf "$log" "$folder/node_modules"
fi
exec "$node" "$folder/bin/mcpctl.js" roles check "$@"
