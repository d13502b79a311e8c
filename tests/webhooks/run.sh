#!/bin/sh
# Verifies webhooks of a server of this build with the published libraries of Standard Webhooks.
# Arguments: the binary, the folder in which `make setup` installed the libraries.
set -eu
here=$(CDPATH= cd -- "$(dirname -- "$0")" && pwd)
binary=$1
packages=$2
. "$here/../server.sh"
docs=$here/../../docs/webhooks.md
"$packages/python-standardwebhooks/bin/python" "$here/verify.py" "$base" "$key" "$docs"
node "$here/verify.mjs" "$base" "$key" "$packages/node-standardwebhooks" "$docs"
