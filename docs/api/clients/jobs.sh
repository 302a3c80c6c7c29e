#!/usr/bin/env bash
# jobs.sh runs one job of an engine with curl, in the plain form that
# docs/api/remote-jobs.md describes. It needs curl 7.87 or later.
#
#   jobs.sh [-H HOST] [-i] [-c] NAME [KEY=VALUE]... [ARG]...
#
#   -H HOST   unix:///PATH or http://HOST:PORT; $DOCKER_HOST, or else
#             unix:///var/run/docker.sock
#   -i        send standard input to the job
#   -c        the classic form: no env, no input, the result is not known
#
# The first words of the form KEY=VALUE are the env, everything after them, or
# after "--", is an argument. What the job writes goes to standard output, its
# error to standard error; the exit status is that of the job (127: there is no
# such job), or 125 when the engine could not be asked.
set -euo pipefail

host=${DOCKER_HOST:-unix:///var/run/docker.sock} input='' classic=''
while getopts H:ic flag; do
	case $flag in
	H) host=$OPTARG ;;
	i) input=1 ;;
	c) classic=1 ;;
	*) exit 125 ;;
	esac
done
shift $((OPTIND - 1))
[ $# -gt 0 ] || { echo "usage: jobs.sh [-H HOST] [-i] [-c] NAME [KEY=VALUE]... [ARG]..." >&2 && exit 125; }
name=$1 && shift

curl=(curl --silent --show-error --no-buffer)
case $host in
unix://*) curl+=(--unix-socket "${host#unix://}") base=http://engine ;;
tcp://*) base=http://${host#tcp://} ;;
*) base=${host%/} ;;
esac

# The classic form: one line, and nothing but the output comes back.
if [ "$classic" ]; then
	for arg in "$@"; do curl+=(--url-query "a=$arg"); done
	exec "${curl[@]}" "$base/jobs/$name"
fi

while [ $# -gt 0 ] && [[ $1 == ?*=* && $1 != -- ]]; do
	curl+=(--url-query "e=$1") && shift
done
[ "${1-}" != -- ] || shift
for arg in "$@"; do curl+=(--url-query "a=$arg"); done

# "." is standard input, read while the answer is being written.
[ -z "$input" ] || curl+=(--upload-file . --request POST)
head=$(mktemp) && trap 'rm -f "$head"' EXIT
failed=0
"${curl[@]}" --fail --header 'Job-Protocol: 1' --dump-header "$head" "$base/jobs/$name" 2>"$head.err" || failed=$?

# field prints a header or trailer, as it came last.
field() { tr -d '\r' <"$head" | sed -n "s/^$1: //Ip" | tail -n 1; }
status=$(field Job-Status) error=$(field Job-Error)
if [ -z "$status" ]; then # nothing came, or the connection broke
	cat "$head.err" >&2 && rm -f "$head.err"
	echo "jobs.sh: job $name has no result (curl says $failed)" >&2
	exit 125
fi
rm -f "$head.err"
error=${error//\\/\\\\} # percent-encoding is what printf calls \x
[ -z "$error" ] || printf '%b\n' "${error//%/\\x}" >&2
exit "$status"
