#!/usr/bin/env bash
# Builds the judges of telemetry outside of the tree, once, and prints the folder of the programs:
#
#   judges=$(scripts/judges/telemetry.sh [FOLDER])
#   "$judges/exposition" 'text/plain; version=0.0.4' <body     Prometheus 3's own parser of /metrics
#   "$judges/otlp" traces proto <request                       the Collector's decoder of OTLP
#
# Needs Go and its module proxy; half a minute of one processor, 20 MB. The folder is ~/.cache/flotilla-judges by default.
set -euo pipefail
sources=$(cd "$(dirname "$0")" && pwd)
prometheus=v0.316.0
pdata=v1.71.0
folder=${1:-${XDG_CACHE_HOME:-$HOME/.cache}/flotilla-judges}/telemetry-$prometheus-$pdata
if [ -x "$folder/exposition" ] && [ -x "$folder/otlp" ]; then
  echo "$folder"
  exit
fi
command -v go >/dev/null || PATH=$PATH:/usr/local/go/bin
command -v go >/dev/null || { echo 'go is needed: https://go.dev/dl' >&2; exit 1; }
export GOFLAGS=-mod=mod

build() {
  local name=$1
  shift
  mkdir -p "$folder/$name-source"
  cp "$sources/$name/main.go" "$folder/$name-source"
  cd "$folder/$name-source"
  printf 'module judge\ngo 1.25\n' >go.mod
  go get "$@" >&2
  go build -o "$folder/$name.new" -ldflags '-s -w' . >&2
  mv "$folder/$name.new" "$folder/$name"
}
build exposition "github.com/prometheus/prometheus@$prometheus"
build otlp "go.opentelemetry.io/collector/pdata@$pdata"
echo "$folder"
