#!/usr/bin/env bash
# Builds a real Consul outside of the tree, once, and prints the path of the program:
#
#   consul=$(scripts/judges/consul.sh [FOLDER])
#   "$consul" agent -dev -bind 127.0.0.1 -client 127.0.0.1 -http-port 9500 -server-port 9300 -serf-lan-port 9301 \
#     -serf-wan-port 9302 -dns-port -1 -grpc-port -1 -grpc-tls-port -1
#   FLOTILLA_TEST_CONSUL=http://127.0.0.1:9500 npm test -- platform/discovery
#
# Needs Go and its module proxy; some six minutes of one processor, 118 MB. The folder is ~/.cache/flotilla-judges by default.
set -euo pipefail
version=v1.16.1 # the last release under the MPL
folder=${1:-${XDG_CACHE_HOME:-$HOME/.cache}/flotilla-judges}/consul-$version
program=$folder/consul
if [ -x "$program" ]; then
  echo "$program"
  exit
fi
command -v go >/dev/null || { echo 'go is needed: https://go.dev/dl' >&2; exit 1; }
mkdir -p "$folder"
cd "$folder"

# Its own modules are at versions that the checksum database knows.
cat >go.mod <<MOD
module judge
go 1.26
require github.com/hashicorp/consul $version
exclude github.com/hashicorp/go-msgpack v1.1.5
exclude github.com/hashicorp/go-msgpack v1.1.6
replace github.com/hashicorp/consul/api => github.com/hashicorp/consul/api v1.24.0
replace github.com/hashicorp/consul/envoyextensions => github.com/hashicorp/consul/envoyextensions v0.5.1
replace github.com/hashicorp/consul/proto-public => github.com/hashicorp/consul/proto-public v0.4.1
replace github.com/hashicorp/consul/sdk => github.com/hashicorp/consul/sdk v0.14.1
replace github.com/hashicorp/consul/troubleshoot => github.com/hashicorp/consul/troubleshoot v0.4.1
MOD
export GOFLAGS=-mod=mod
sources=$(go mod download -json "github.com/hashicorp/consul@$version" | sed -n 's/.*"Dir": "\(.*\)".*/\1/p')
cp "$sources/go.sum" .
chmod u+w go.sum
go get -tool "github.com/hashicorp/consul@$version" >&2
go build -o "$program.new" -ldflags '-s -w' github.com/hashicorp/consul >&2
mv "$program.new" "$program"
echo "$program"
