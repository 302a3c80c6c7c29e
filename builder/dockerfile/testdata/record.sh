#!/bin/bash
# Records what another daemon makes of the Dockerfiles in peer/ and errors/: the
# lines that it prints, the history, the configuration. Files that have a record
# keep their questions and get new answers.
#
# Usage: record.sh unix:///path/of/docker.sock [FILE.txtar...]
# Needs: docker with its classic builder, jq, an image busybox on that daemon.
set -eu
export DOCKER_HOST=$1 DOCKER_BUILDKIT=0
shift
here=$(cd "$(dirname "$0")" && pwd)
[ $# -gt 0 ] || set -- "$here"/peer/*.txtar "$here"/errors/*.txtar
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
touch "$work/empty"
section() { awk -v want="-- $1 --" '/^-- .* --$/ {on = $0 == want; next} on' "$2"; }
for f in "$@"; do
	args=() && target=()
	for a in $(section args "$f"); do
		case $a in
		--target=*) target=("$a") ;;
		*) args+=(--build-arg "$a") ;;
		esac
	done
	rm -rf "$work/ctx" "$work/id" && mkdir "$work/ctx"
	touch "$work/ctx/file"
	section Dockerfile "$f" >"$work/ctx/Dockerfile"
	code=0
	docker build --no-cache --iidfile "$work/id" "${target[@]}" "${args[@]}" "$work/ctx" >"$work/out" 2>"$work/err" || code=$?
	{
		printf -- '-- args --\n' && section args "$f"
		printf -- '-- Dockerfile --\n' && section Dockerfile "$f"
		printf -- '-- steps --\n'
		sed -e 's/\x1b\[[0-9;]*m//g' -e 's/\r//g' "$work/out" | grep -E '^(Step |#|\[Warning\]|Note)| ---> \[Warning\]' || true
		if [ $code -ne 0 ]; then
			printf -- '-- error --\n'
			grep -v -e "^DEPRECATED" -e "^ *BuildKit" -e "^ *Install" -e "^ *environment" -e "^$" "$work/err" || true
			! grep -q -e '^-- ours --$' "$f" || { printf -- '-- ours --\n' && section ours "$f"; }
		else
			docker inspect "$(cat "$work/id")" >"$work/inspect"
			printf -- '-- history --\n'
			docker history --no-trunc --format '{{json .CreatedBy}}' "$(cat "$work/id")" | tac | grep -v '^""$' || true
			printf -- '-- config --\n'
			jq -S '.[0] | {Author, Config: (.Config | {Env, Cmd, Entrypoint, Labels, ExposedPorts, Volumes, User, WorkingDir, StopSignal, Healthcheck, Shell, OnBuild})}' "$work/inspect"
		fi
	} >"$work/new"
	cp "$work/new" "$f"
	[ ! -s "$work/id" ] || docker rmi -f "$(cat "$work/id")" >/dev/null 2>&1 || true
done
