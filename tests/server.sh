# Sourced by the conformance suites: starts a server of this build on a temporary folder and sets
# `base` and `key`. `binary` must be set. The server ends with the script.
data=$(mktemp -d)
"$binary" serve --host 127.0.0.1 --port 0 --data-dir "$data" >"$data/server.log" 2>&1 &
server=$!
trap 'kill $server 2>/dev/null; rm -rf "$data"' EXIT INT TERM
tries=0
until [ -s "$data/server.json" ] && [ -s "$data/admin.key" ]; do
	tries=$((tries + 1))
	[ $tries -lt 300 ] || { cat "$data/server.log"; exit 1; }
	sleep 0.1
done
base=$(sed -E 's/.*"url": *"([^"]*)".*/\1/' "$data/server.json" | tr -d '\n' | sed 's:/$::')
key=$(cat "$data/admin.key")
