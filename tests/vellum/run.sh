#!/bin/sh
# Runs the published vellum clients, of two versions each, against a server of this build.
# Everything that is installed goes to the target folder. Arguments: the binary, the target folder.
set -eu
here=$(CDPATH= cd -- "$(dirname -- "$0")" && pwd)
binary=$1
target=$2/conformance
mkdir -p "$target"
. "$here/../server.sh"
failed=0
for version in 1.14.8 1.10.0; do
	venv=$target/python-$version
	[ -x "$venv/bin/python" ] || { python3 -m venv "$venv" && "$venv/bin/pip" -q install "vellum-ai==$version"; }
	PYTHONDONTWRITEBYTECODE=1 "$venv/bin/python" "$here/python/run.py" "$base" "$key" || failed=1
	"$venv/bin/python" "$here/deployments.py" "$base" "$key" || failed=1
done
for version in 1.14.7 1.11.15; do
	packages=$target/node-$version
	[ -d "$packages/node_modules/vellum-ai" ] || npm install --silent --no-save --prefix "$packages" "vellum-ai@$version"
	node "$here/typescript/run.mjs" "$base" "$key" "$packages" || failed=1
	node "$here/deployments.mjs" "$base" "$key" "$packages" || failed=1
done
exit $failed
