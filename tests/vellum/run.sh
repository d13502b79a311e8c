#!/bin/sh
# Runs the published vellum clients, of two versions each, against a server of this build.
# Everything that is installed goes to the target folder. Arguments: the binary, the target folder.
set -eu
here=$(CDPATH= cd -- "$(dirname -- "$0")" && pwd)
binary=$1
target=$2/conformance
mkdir -p "$target"
. "$here/../server.sh"
for version in 1.14.8 1.10.0; do
	venv=$target/python-$version
	[ -x "$venv/bin/python" ] || { python3 -m venv "$venv" && "$venv/bin/pip" -q install "vellum-ai==$version"; }
	"$venv/bin/python" "$here/conformance.py" "$base" "$key"
done
for version in 1.14.7 1.11.15; do
	packages=$target/node-$version
	[ -d "$packages/node_modules/vellum-ai" ] || npm install --silent --no-save --prefix "$packages" "vellum-ai@$version"
	node "$here/conformance.mjs" "$base" "$key" "$packages"
done
