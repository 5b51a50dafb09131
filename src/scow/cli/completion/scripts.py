"""The scripts that connect a shell with ``__complete``: small, because the knowledge is in the program."""

# Readline splits words at ":" and "=" too, and replaces only what is behind the last of them.
_BASH = r"""# bash completion for @NAME@
_@FUNCTION@_complete() {
    local rest=${COMP_LINE:0:COMP_POINT} word current= answer directive line break_at
    local -a words=()
    for word in "${COMP_WORDS[@]:0:COMP_CWORD+1}"; do
        if [[ $rest == [[:space:]]* || ${#words[@]} -eq 0 ]]; then
            rest=${rest#"${rest%%[![:space:]]*}"}
            words+=("")
        fi
        [[ $rest == "$word"* ]] || word=$rest
        rest=${rest#"$word"}
        words[${#words[@]}-1]+=$word
    done
    for line in "${!words[@]}"; do
        words[line]=${words[line]//[\\\"\']/}
    done
    current=${words[${#words[@]}-1]}
    answer=$("${words[0]}" __completeNoDesc "${words[@]:1}" 2>/dev/null) || return
    directive=${answer##*$'\n':}
    [[ $answer == :* ]] && directive=${answer#:} answer=
    answer=${answer%:*}
    (( directive & 1 )) && return
    # --flag=value: only the value is completed.
    [[ $current == -*=* ]] && current=${current#*=}
    break_at=${current%"${current##*[:=]}"}
    [[ $COMP_WORDBREAKS == *:* ]] || break_at=
    while IFS= read -r line; do
        [[ -n $line && $line == "$current"* ]] && COMPREPLY+=("${line#"$break_at"}")
    done <<<"$answer"
    if (( directive & 2 )); then
        compopt -o nospace 2>/dev/null
    fi
    if (( ${#COMPREPLY[@]} == 0 && ! (directive & 4) )); then
        compopt -o filenames 2>/dev/null
        while IFS= read -r line; do
            COMPREPLY+=("${line#"$break_at"}")
        done < <(compgen -f -- "$current")
    fi
}
complete -F _@FUNCTION@_complete @NAME@
"""

_ZSH = r"""#compdef @NAME@
# zsh completion for @NAME@
_@FUNCTION@() {
    local answer line value about
    local -i directive
    local -a answers options described
    answer=$("${(Q)words[1]}" @REQUEST@ "${(@Q)words[2,CURRENT]}" 2>/dev/null) || return 1
    answers=("${(@f)answer}")
    directive=${answers[-1]#:}
    (( directive & 1 )) && return 1
    [[ $PREFIX == -*=* ]] && compset -P 1 '*='
    for line in "${(@)answers[1,-2]}"; do
        value=${line%%$'\t'*}
        value=${value//:/\\:}
        about=
        [[ $line == *$'\t'* ]] && about=":${line#*$'\t'}"
        described+=("$value$about")
    done
    (( directive & 2 )) && options=(-S '')
    if (( ${#described} )); then
        _describe -V '@NAME@' described "${options[@]}" && return 0
    fi
    (( directive & 4 )) || _files
}
if [ "$funcstack[1]" = "_@FUNCTION@" ]; then
    _@FUNCTION@ "$@"
else
    compdef _@FUNCTION@ @NAME@
fi
"""

_FISH = r"""# fish completion for @NAME@
function __@FUNCTION@_complete
    set -l words (commandline -opc)
    set -l current (commandline -ct)
    set -l answer ($words[1] @REQUEST@ $words[2..-1] "$current" 2>/dev/null)
    or return
    set -l directive (string sub -s 2 -- $answer[-1])
    test (math "bitand($directive, 1)") -eq 0
    or return
    set -l before ''
    if string match -qr -- '^-.*=' $current
        set before (string replace -r -- '=.*' '=' $current)
    end
    if test (count $answer) -gt 1
        for line in $answer[1..-2]
            echo $before$line
        end
    else if test (math "bitand($directive, 4)") -eq 0
        __fish_complete_path "$current"
    end
end
complete -c @NAME@ -e
complete -c @NAME@ -f -a '(__@FUNCTION@_complete)'
"""

_SCRIPTS = {"bash": _BASH, "fish": _FISH, "zsh": _ZSH}


def script(shell: str, program: str, *, described: bool) -> str:
    """The script for one of bash, fish and zsh; ``described`` shows what each value is, where that fits."""
    text = _SCRIPTS[shell].replace("@REQUEST@", "__complete" if described else "__completeNoDesc")
    return text.replace("@NAME@", program).replace("@FUNCTION@", program.replace("-", "_"))
