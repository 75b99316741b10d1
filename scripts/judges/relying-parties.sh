#!/usr/bin/env bash
# Builds OpenID clients of Go outside of the tree, once, and prints the path of the program:
#
#   parties=$(scripts/judges/relying-parties.sh [FOLDER])
#   "$parties" go-oidc ISSUER CLIENT SECRET REDIRECT-URI      golang.org/x/oauth2 with coreos/go-oidc
#   "$parties" zitadel ISSUER CLIENT SECRET REDIRECT-URI      zitadel/oidc
#
# The suite of identity uses it when it is there. Needs Go and its module proxy; a minute of one processor, 8 MB. The folder is
# ~/.cache/flotilla-judges by default.
set -euo pipefail
sources=$(cd "$(dirname "$0")" && pwd)
oauth2=v0.38.0
go_oidc=v3.21.0
zitadel=v3.52.0
folder=${1:-${XDG_CACHE_HOME:-$HOME/.cache}/flotilla-judges}/relying-parties-$go_oidc-$zitadel
program=$folder/relying-parties
if [ -x "$program" ]; then
  echo "$program"
  exit
fi
command -v go >/dev/null || PATH=$PATH:/usr/local/go/bin
command -v go >/dev/null || { echo 'go is needed: https://go.dev/dl' >&2; exit 1; }
mkdir -p "$folder/source"
exec 9>"$folder/lock"
flock 9 # several suites may want it at once
if [ -x "$program" ]; then
  echo "$program"
  exit
fi
cp "$sources/relying-parties/main.go" "$folder/source"
cd "$folder/source"
printf 'module judge\ngo 1.25\n' >go.mod
export GOFLAGS=-mod=mod
go get "golang.org/x/oauth2@$oauth2" "github.com/coreos/go-oidc/v3@$go_oidc" "github.com/zitadel/oidc/v3@$zitadel" >&2
go build -o "$program.new" -ldflags '-s -w' . >&2
mv "$program.new" "$program"
echo "$program"
