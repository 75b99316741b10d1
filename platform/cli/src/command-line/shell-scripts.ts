/**
 * What shells run to complete a command line. Each asks `flotilla completion words` with the words so far and gets a line
 * `word<tab>about` for each that fits; a line `:files` or `:folders` means names of those.
 */
export const SHELL_SCRIPTS = {
  bash: `_flotilla() {
  local current words line
  current=\${COMP_LINE:0:COMP_POINT}
  current=\${current##*[[:space:]]}
  words=("\${COMP_WORDS[@]:1:COMP_CWORD-1}")
  # bash takes the = of --option=value for a word.
  if [[ $current == --*=* ]]; then words=("\${words[@]::\${#words[@]}-1}"); [[ \${COMP_WORDS[COMP_CWORD]} == = ]] || words=("\${words[@]::\${#words[@]}-1}"); fi
  COMPREPLY=()
  while IFS= read -r line; do
    case $line in
      :files) compopt -o filenames; mapfile -t -O \${#COMPREPLY[@]} COMPREPLY < <(compgen -f -- "\${current#--*=}") ;;
      :folders) compopt -o filenames; mapfile -t -O \${#COMPREPLY[@]} COMPREPLY < <(compgen -d -- "\${current#--*=}") ;;
      *) line=\${line%%$'\\t'*}; [[ $current == --*=* ]] && line=\${line#--*=}; COMPREPLY+=("$line") ;;
    esac
  done < <("\${COMP_WORDS[0]}" completion words -- "\${words[@]}" "$current" 2>/dev/null)
}
complete -F _flotilla flotilla
`,
  zsh: `#compdef flotilla
_flotilla() {
  local line
  local -a described
  for line in "\${(@f)$("\${words[1]}" completion words -- "\${(@)words[2,CURRENT-1]}" "$PREFIX" 2>/dev/null)}"; do
    case $line in
      '') ;;
      :files) compset -P '--*='; _files ;;
      :folders) compset -P '--*='; _files -/ ;;
      *) described+=("\${\${line%%$'\\t'*}//:/\\\\:}:\${line#*$'\\t'}") ;;
    esac
  done
  (( \${#described} )) && _describe flotilla described
}
if [ "$funcstack[1]" = _flotilla ]; then _flotilla; else compdef _flotilla flotilla; fi
`,
  fish: `function __flotilla_words
    set -l words (commandline -opc)
    set -l current (commandline -ct)
    for line in ($words[1] completion words -- $words[2..] "$current" 2>/dev/null)
        switch $line
            case :files
                __fish_complete_path (string replace -r '^--[^=]*=' '' -- "$current")
            case :folders
                __fish_complete_directories (string replace -r '^--[^=]*=' '' -- "$current")
            case '*'
                echo $line
        end
    end
end
complete -c flotilla -f -a '(__flotilla_words)'
`,
} as const;
