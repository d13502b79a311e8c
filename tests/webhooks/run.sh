#!/bin/sh
# Has the published libraries of Standard Webhooks verify what a server of this build sends.
# Everything that is installed goes to the target folder. Arguments: the binary, the target folder.
set -eu
here=$(CDPATH= cd -- "$(dirname -- "$0")" && pwd)
binary=$1
target=$2/conformance
mkdir -p "$target"
. "$here/../server.sh"
venv=$target/python-standardwebhooks
[ -x "$venv/bin/python" ] || { python3 -m venv "$venv" && "$venv/bin/pip" -q install "standardwebhooks==1.1.0"; }
"$venv/bin/python" "$here/verify.py" "$base" "$key" "$here/../../docs/webhooks.md"
packages=$target/node-standardwebhooks
[ -d "$packages/node_modules/standardwebhooks" ] || npm install --silent --no-save --prefix "$packages" "standardwebhooks@1.1.1"
node "$here/verify.mjs" "$base" "$key" "$packages" "$here/../../docs/webhooks.md"
