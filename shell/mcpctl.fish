# Completion of mcpctl for fish. Once: mcpctl completion fish | source
# For good: mcpctl completion fish > ~/.config/fish/completions/mcpctl.fish

function __mcpctl_complete
    set -l typed (commandline -opc)
    set -e typed[1]
    set -l current (commandline -ct)
    for line in (command mcpctl __complete -- $typed "$current" 2>/dev/null </dev/null)
        if test "$line" = ":files"
            # The value of --flag=value is a file's name by itself.
            set -l kept (string match -r -- '^--[a-z-]+=' "$current")
            for path in (__fish_complete_path (string replace -r -- '^--[a-z-]+=' '' "$current"))
                printf '%s\n' "$kept$path"
            end
        else
            printf '%s\n' "$line"
        end
    end
end

complete -c mcpctl -f -a '(__mcpctl_complete)'
