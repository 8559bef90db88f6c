#compdef mcpctl
# Completion of mcpctl for zsh. Once: source <(mcpctl completion zsh)
# For good: mcpctl completion zsh > "${fpath[1]}/_mcpctl", and `autoload -U compinit && compinit` in ~/.zshrc

_mcpctl() {
  local line
  local -a typed candidates
  local -i is_file=0
  if (( CURRENT > 2 )); then typed=("${(@Q)words[2,CURRENT-1]}"); fi
  for line in "${(@f)$(command mcpctl __complete -- "${(@)typed}" "${(Q)PREFIX}" 2>/dev/null </dev/null)}"; do
    if [[ "$line" == ":files" ]]; then
      is_file=1
    elif [[ -n "$line" ]]; then
      # A colon ends the value, unless it is escaped.
      candidates+=("${${line%%$'\t'*}//:/\\:}:${line#*$'\t'}")
    fi
  done
  if (( is_file )); then
    # The value of --flag=value is a file's name by itself.
    if [[ "$PREFIX" == --*=* ]]; then compset -P '*='; fi
    _files
  elif (( ${#candidates} )); then
    _describe -t mcpctl 'mcpctl' candidates
  fi
}

if [[ "${funcstack[1]}" == "_mcpctl" ]]; then
  _mcpctl "$@"
else
  compdef _mcpctl mcpctl
fi
