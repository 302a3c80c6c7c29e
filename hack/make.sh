#!/usr/bin/env bash
# Runs bundles: hack/make.sh BUNDLE [ARG...]. A bundle is a file of hack/make/.
# This file only holds what several bundles need; see hack/README.md.
set -euo pipefail

cd "$(dirname "${BASH_SOURCE[0]}")/.."
ROOT=$PWD
HACK=$ROOT/hack
BIN=${BIN:-$ROOT/bin}
PKG=github.com/enginejobs/docker
VERSION=$(<VERSION)
GITCOMMIT=$(git rev-parse --short HEAD 2>/dev/null || echo unknown)
if [ -n "$(git status --porcelain --untracked-files=no 2>/dev/null)" ]; then
	GITCOMMIT=$GITCOMMIT-dirty
fi
# The cache outlives the checkout: root file systems, tools and clients.
CACHE=${ENGINEJOBS_CACHE:-${XDG_CACHE_HOME:-/var/cache}/enginejobs}
# What a static binary with SQLite in it wants.
BUILDTAGS="netgo osusergo sqlite_omit_load_extension"
LDFLAGS="-s -w -X $PKG/dockerversion.Version=$VERSION -X $PKG/dockerversion.GitCommit=$GITCOMMIT"

say() { printf '%s\n' "--- $*" >&2; }
die() {
	printf 'make: %s\n' "$*" >&2
	exit 1
}

# need PACKAGE COMMAND installs a Debian package when its command is missing.
# Nothing is started by it: a package that brings a service stays stopped.
need() {
	local pkg=$1 probe=$2
	command -v "$probe" >/dev/null 2>&1 && return 0
	aptget "$pkg"
	command -v "$probe" >/dev/null 2>&1 || die "package $pkg did not bring $probe"
}

# aptget installs Debian packages without their recommendations and without
# letting them start anything (RUNLEVEL and a policy that answers 101, no).
aptget() {
	[ "$(id -u)" = 0 ] || die "missing system packages: $*; install them or run as root"
	command -v apt-get >/dev/null || die "missing system packages: $*; this is no Debian, install them by hand"
	say "installing $*"
	local log policy=/usr/sbin/policy-rc.d made=
	log=$(mktemp)
	if [ ! -e $policy ]; then
		printf '#!/bin/sh\nexit 101\n' >$policy
		chmod +x $policy
		made=1
	fi
	local try=0 ok=
	while [ $try -lt 3 ]; do
		if DEBIAN_FRONTEND=noninteractive apt-get install -y -q --no-install-recommends \
			-o DPkg::Lock::Timeout=300 "$@" >"$log" 2>&1; then
			ok=1
			break
		fi
		apt-get update -q >>"$log" 2>&1 || true # a fresh machine has no lists, an old one has stale ones
		try=$((try + 1))
	done
	[ -z "$made" ] || rm -f $policy
	if [ -z "$ok" ]; then
		tail -20 "$log" >&2
		rm -f "$log"
		die "cannot install $*"
	fi
	rm -f "$log"
}

# tool MODULE@VERSION COMMAND builds a Go tool into the cache and prints its path.
tool() {
	local module=$1 name=$2 dir
	dir=$CACHE/tools/$(printf '%s' "$module" | tr '/@' '__')
	if [ ! -x "$dir/$name" ]; then
		say "building $name (once): $module"
		GOBIN=$dir go install "$module" >&2
	fi
	printf '%s\n' "$dir/$name"
}

bundle() {
	local name=$1
	shift
	[ -f "$HACK/make/$name" ] || die "unknown bundle $name; there are: $(ls "$HACK/make" | tr '\n' ' ')"
	# shellcheck source=/dev/null
	source "$HACK/make/$name"
}

[ $# -ge 1 ] || die "usage: hack/make.sh BUNDLE [ARG...]; bundles: $(ls "$HACK/make" | tr '\n' ' ')"
command -v go >/dev/null || PATH=$PATH:/usr/local/go/bin
command -v go >/dev/null || die "Go is missing: install the version of go.mod from https://go.dev/dl"
bundle "$@"
