#!/bin/sh
# Runs the published vellum clients, of two versions each, against a server of this build.
# Arguments: the binary, the folder in which `make setup` installed the clients.
set -eu
here=$(CDPATH= cd -- "$(dirname -- "$0")" && pwd)
binary=$1
packages=$2
. "$here/../versions.sh"
. "$here/../server.sh"
failed=0
for version in $vellum_python; do
	python=$packages/python-$version/bin/python
	PYTHONDONTWRITEBYTECODE=1 "$python" "$here/python/run.py" "$base" "$key" || failed=1
	"$python" "$here/deployments.py" "$base" "$key" || failed=1
done
for version in $vellum_node; do
	node "$here/typescript/run.mjs" "$base" "$key" "$packages/node-$version" || failed=1
	node "$here/deployments.mjs" "$base" "$key" "$packages/node-$version" || failed=1
done
exit $failed
