package client

import (
	"context"
	"io"

	"github.com/enginejobs/docker/errdefs"
	"github.com/enginejobs/docker/pkg/mflag"
)

const completionHelp = `The script completes commands, flags and the names of what is there. To load it:

    bash   source <(docker completion bash)
    zsh    docker completion zsh > "${fpath[1]}/_docker"
    fish   docker completion fish > ~/.config/fish/completions/docker.fish
`

func newCompletion(cli *CLI, _ *mflag.Set) runFunc {
	return func(_ context.Context, args []string) error {
		script := ""
		switch args[0] {
		case "bash":
			script = bashCompletion
		case "zsh":
			script = zshCompletion
		case "fish":
			script = fishCompletion
		default:
			return errdefs.InvalidArgument("no completion for %q: it is bash, zsh or fish", args[0])
		}
		_, err := io.WriteString(cli.Out, script)
		return err
	}
}

// bash cuts words at ":" and "=", too, and replaces only what is behind them: the
// words are cut at blanks here, and what bash keeps is taken from the answers.
const bashCompletion = `# completion of docker for bash

_docker() {
	local line=${COMP_LINE:0:COMP_POINT} typed kept="" word files="" words=()
	read -r -a words <<<"$line"
	case $line in
	*[[:space:]]) words+=("") ;;
	esac
	typed=${words[${#words[@]} - 1]}
	case $typed in
	*[:=]*) kept=${typed%"${typed##*[:=]}"} ;;
	esac
	COMPREPLY=()
	while IFS=$'\t' read -r word _; do
		if [ "$word" = :files ]; then
			files=yes
		else
			COMPREPLY+=("${word#"$kept"}")
		fi
	done < <(docker __complete "${words[@]:1}" 2>/dev/null)
	if [ -n "$files" ]; then
		while IFS= read -r word; do
			COMPREPLY+=("$word")
		done < <(compgen -f -- "${typed#"$kept"}")
		compopt -o filenames 2>/dev/null || :
	fi
	case ${COMPREPLY[0]-} in
	*[:=])
		if [ ${#COMPREPLY[@]} -eq 1 ]; then
			compopt -o nospace 2>/dev/null || :
		fi
		;;
	esac
	return 0
}

complete -F _docker docker
`

const zshCompletion = `#compdef docker
# completion of docker for zsh

_docker() {
	local line word about files="" found=()
	for line in ${(f)"$(docker __complete "${(@Q)words[2,CURRENT]}" 2>/dev/null)"}; do
		if [[ $line == :files ]]; then
			files=yes
			continue
		fi
		word=${line%%$'\t'*}
		about=${line#*$'\t'}
		found+=("${word//:/\\:}:$about")
	done
	if (( ${#found} )); then
		_describe -t words docker found
	fi
	if [[ -n $files ]]; then
		_files
	fi
}

if [[ $funcstack[1] == _docker ]]; then
	_docker "$@"
else
	compdef _docker docker
fi
`

const fishCompletion = `# completion of docker for fish

function __docker_complete
    set -l words (commandline -opc)
    set -e words[1]
    set -l typed (commandline -ct)
    for line in (docker __complete $words "$typed" 2>/dev/null)
        if test "$line" = :files
            __fish_complete_path "$typed"
        else
            echo $line
        end
    end
end

complete -c docker -f -a '(__docker_complete)'
`
