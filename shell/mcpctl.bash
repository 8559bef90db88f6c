# Completion of mcpctl for bash. Once: source <(mcpctl completion bash)
# For good: echo 'source <(mcpctl completion bash)' >> ~/.bashrc

_mcpctl() {
  # Readline cuts words at = : and @ too; here a word goes from blank to blank, as far as the cursor.
  local rest="${COMP_LINE:0:COMP_POINT}" word i
  local -a words=()
  for ((i = 0; i <= COMP_CWORD; i++)); do
    word="${COMP_WORDS[i]}"
    local trimmed="${rest#"${rest%%[![:space:]]*}"}"
    if ((i == COMP_CWORD)); then word="$trimmed"; fi
    if ((${#words[@]} == 0)) || [[ "$rest" == [[:space:]]* ]]; then
      words+=("$word")
    else
      words[${#words[@]} - 1]+="$word"
    fi
    rest="${trimmed#"$word"}"
  done
  local current="${words[${#words[@]} - 1]}"

  # Readline replaces only what stands behind the last of these; an @ itself belongs to it (rl_special_prefixes).
  local kept="" mark
  for mark in = : @; do
    if [[ "$COMP_WORDBREAKS" == *"$mark"* && "$current" == *"$mark"* ]]; then
      local head="${current%"$mark"*}"
      if [[ "$mark" != @ ]]; then head+="$mark"; fi
      if ((${#head} > ${#kept})); then kept="$head"; fi
    fi
  done

  COMPREPLY=()
  local line
  while IFS= read -r line; do
    if [[ "$line" == ":files" ]]; then
      compopt -o default 2>/dev/null
    elif [[ -n "$line" ]]; then
      line="${line%%$'\t'*}"
      COMPREPLY+=("${line#"$kept"}")
    fi
  done < <(command mcpctl __complete -- "${words[@]:1}" 2>/dev/null </dev/null)
}

complete -F _mcpctl mcpctl
