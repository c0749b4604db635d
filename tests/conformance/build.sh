#!/bin/sh
# Builds h2spec, the conformance test of HTTP/2, into build/conformance/ at the root of this
# repository. Needs Go and the Go module proxy the first time; a second when it is there.
set -eu
cd "$(dirname "$0")"
to=$(cd ../.. && pwd)/build/conformance
sum=$(cat go.mod go.sum | cksum | cut -d' ' -f1)
[ "$(cat "$to/sum" 2>/dev/null)" != "$sum" ] || exit 0
command -v go >/dev/null || { echo "h2spec: Go is missing" >&2; exit 1; }
mkdir -p "$to"
go build -mod=mod -modcacherw -o "$to/h2spec" github.com/summerwind/h2spec/cmd/h2spec
echo "$sum" >"$to/sum"
