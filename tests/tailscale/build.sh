#!/bin/sh
# Builds tailscale, tailscaled, pebble (an ACME server) and tslab (this folder) into
# build/tailscale at the root of this repository; does nothing for what is there.
# Needs: Go 1.26.6 or newer, and the Go module proxy the first time.
# Takes: 3 to 5 minutes on two cores the first time, under a second when all is there.
# Prints: what it builds, on standard error. Ends with 77 when Go or the module proxy is missing.
set -eu
here=$(CDPATH='' cd -- "$(dirname -- "$0")" && pwd)
# shellcheck source=SCRIPTDIR/lib.sh
. "$here/lib.sh"

mkdir -p "$BIN"
if command -v flock >/dev/null 2>&1; then
	exec 9>"$BIN/.lock"
	flock 9
fi
sum=$(cat "$here"/*.go "$here/go.mod" "$here/go.sum" | cksum | cut -d' ' -f1)
stamp="tailscale $TS_VERSION, pebble $PEBBLE_VERSION, tslab $sum"
[ "$(cat "$BIN/.stamp" 2>/dev/null)" != "$stamp" ] || exit 0

command -v go >/dev/null 2>&1 || missing "Go is missing: install Go $GO_VERSION or newer, and put it on PATH"
have=$(cd / && GOTOOLCHAIN=local go env GOVERSION | sed 's/^go//')
oldest=$(printf '%s\n' "$GO_VERSION" "$have" | sort -V | head -n 1)
[ "$oldest" = "$GO_VERSION" ] || missing "Go $have is too old: $GO_VERSION or newer is needed"
for module in "tailscale.com@v$TS_VERSION" "github.com/letsencrypt/pebble/v2@v$PEBBLE_VERSION"; do
	(cd / && go mod download "$module") >&2 || missing "the Go module proxy is missing, or does not have $module"
done
(cd "$here" && go mod download) >&2 || missing "the Go module proxy is missing, or lacks a module of tslab's"

# Else it would call itself 1.102.3-ERR-BuildInfo.
names="-X tailscale.com/version.shortStamp=$TS_VERSION -X tailscale.com/version.longStamp=$TS_VERSION"

# install PACKAGE…
install() {
	echo "building $*" >&2
	(cd / && GOBIN=$BIN GOFLAGS="-buildvcs=false -modcacherw" go install -ldflags "$names" "$@") >&2 || die "go install $* failed"
}
install "tailscale.com/cmd/tailscale@v$TS_VERSION" "tailscale.com/cmd/tailscaled@v$TS_VERSION"
install "github.com/letsencrypt/pebble/v2/cmd/pebble@v$PEBBLE_VERSION"
echo "building tslab" >&2
(cd "$here" && go build -buildvcs=false -mod=readonly -modcacherw -o "$BIN/tslab" .) >&2 || die "building tslab failed"
echo "$stamp" >"$BIN/.stamp"
