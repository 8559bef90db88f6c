# shellcheck shell=bash
# Runs mcpctl from a checkout of its repository, as its GitHub Action and its pre-commit hook do; to be sourced by bash.

# The first Node that mcpctl runs on: the PATH's, else one that GitHub's runners keep.
find_node() {
  local found
  for found in "$(command -v node || true)" "${RUNNER_TOOL_CACHE:-/nonexistent}"/node/*/*/bin/node; do
    if [ -x "$found" ] && "$found" -e 'const [a, b] = process.versions.node.split("."); process.exit(a > 22 || (a == 22 && b >= 19) ? 0 : 1)'; then
      echo "$found"
      return
    fi
  done
  echo "mcpctl needs Node 22.19 or newer: install one, or let actions/setup-node run before this" >&2
  return 1
}

# A checkout of a tag holds the sources alone. Packages run no scripts of their own while they are installed.
build_checkout() {
  local folder="$1" node="$2"
  if [ -f "$folder/dist/main.js" ]; then return; fi
  (
    cd "$folder" || exit
    PATH="$(dirname "$node"):$PATH" npm ci --ignore-scripts --no-audit --no-fund && "$node" scripts/build.ts
  )
}
