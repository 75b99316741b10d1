#!/usr/bin/env bash
# Builds FerretDB 1.24, which speaks MongoDB's protocol, outside of the tree, once, and prints the path of the program:
#
#   ferretdb=$(scripts/judges/ferretdb.sh [FOLDER])
#   "$ferretdb" 127.0.0.1:0 sqlite "$(mktemp -d)"
#
# The suites of the inventory on documents use it when it is there, or the server that FLOTILLA_TEST_MONGODB names.
# Needs Go and its module proxy; two minutes of one processor, 40 MB. The folder is ~/.cache/flotilla-judges by default.
set -euo pipefail
sources=$(cd "$(dirname "$0")" && pwd)
version=v1.24.2
folder=${1:-${XDG_CACHE_HOME:-$HOME/.cache}/flotilla-judges}/ferretdb-$version
program=$folder/ferretdb
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
cp "$sources/ferretdb/main.go" "$folder/source"
cd "$folder/source"
printf 'module judge\ngo 1.22\n' >go.mod
export GOFLAGS=-mod=mod
go get "github.com/FerretDB/FerretDB@$version" >&2
go build -o "$program.new" -ldflags '-s -w' . >&2
mv "$program.new" "$program"
echo "$program"
