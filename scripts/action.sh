#!/usr/bin/env bash
# The steps of action.yml. What a workflow or a pull request says comes through the environment, and is never part of a script.
set -eo pipefail

# shellcheck source=scripts/checkout.sh
. "$(dirname "${BASH_SOURCE[0]}")/checkout.sh"

build() {
  local found
  found="$(find_node)"
  echo "node=$found" >> "$GITHUB_OUTPUT"
  build_checkout "$GITHUB_ACTION_PATH" "$found"
}

# stdout may hold workflow commands, which mcpctl escapes; no line of stderr may be one.
# shellcheck disable=SC2153 # NODE comes from action.yml.
mcpctl() {
  { "$NODE" "$GITHUB_ACTION_PATH/bin/mcpctl.js" "$@" 2>&1 >&3 3>&- | sed -e ':a' -e 's/##/# #/' -e ta -e 's/^/mcpctl: /' >&2; } 3>&1
}

# The lines of a text that are not empty, as the array `lines`.
split_lines() {
  local line
  lines=()
  while IFS= read -r line; do
    line="${line%$'\r'}"
    if [ -n "$line" ]; then lines+=("$line"); fi
  done <<< "$1"
}

check() {
  split_lines "$ROLES"
  if [ -n "$SARIF" ]; then
    : > "$SARIF"
    mcpctl roles check "${options[@]}" -o sarif -- "${lines[@]}" > "$SARIF" 2> /dev/null || true
  fi
  mcpctl roles check "${options[@]}" -o github -- "${lines[@]}"
}

test_roles() {
  split_lines "$ROLES"
  if [ "${#lines[@]}" -gt 0 ]; then options+=("--roles=${lines[0]}"); fi
  split_lines "$TESTS"
  mcpctl roles test "${options[@]}" -- "${lines[@]}"
}

# A checkout may lack the commit to compare with; a name that is no commit id is what the checkout says it is.
fetch_base() {
  if [[ ! "$BASE" =~ ^([0-9a-f]{40}|[0-9a-f]{64})$ ]]; then return; fi
  if git cat-file -e "$BASE^{commit}" 2> /dev/null; then return; fi
  git fetch --quiet --no-tags --depth=1 origin "$BASE" 2> /dev/null ||
    echo "the base could not be fetched: give actions/checkout fetch-depth: 0" >&2
}

diff_roles() {
  local file mark exit=0
  fetch_base
  split_lines "$ROLES"
  file="$(mktemp "${RUNNER_TEMP:-/tmp}/roles-diff.XXXXXX")"
  if [ -n "$FAIL_ON" ]; then options+=("--fail-on=$FAIL_ON"); fi
  if [ "${#lines[@]}" -eq 0 ]; then
    mcpctl roles diff "${options[@]}" "--base=$BASE" -o markdown > "$file" || exit=$?
  fi
  for role_file in "${lines[@]}"; do
    mcpctl roles diff "${options[@]}" "--base=$BASE" -o markdown -- "$role_file" >> "$file" || exit=$?
  done
  cat "$file" >> "$GITHUB_STEP_SUMMARY"
  mark="$("$NODE" -p 'crypto.randomUUID()')"
  { echo "diff-file=$file"; echo "diff<<$mark"; printf '%s\n' "$(cat "$file")"; echo "$mark"; } >> "$GITHUB_OUTPUT"
  return "$exit"
}

options=()
if [ -n "$BACKENDS" ]; then options+=("--backends=$BACKENDS"); fi

case "$1" in
  build) build ;;
  check) check ;;
  test) test_roles ;;
  diff) diff_roles ;;
  *) exit 2 ;;
esac
