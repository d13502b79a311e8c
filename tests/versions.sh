# Versions of the tools and published packages that the tests use. Sourced by the scripts of the tests.
schemathesis=4.32.5
hadolint=2.15.1
openapi_generator_cli=7.26.0
openapi_python_client=0.29.1
# The Python package `jq` contains the source of jq with its tests, which are not part of this project.
jq=1.7.1
jq_package=1.8.0
jq_sha256=478c9ca129fd2e3443fe27314b455e211e0d8c60bc8ff7df703873deeee580c2
vellum_python='1.14.8 1.10.0'
vellum_node='1.14.7 1.11.15'
standardwebhooks_python=1.1.0
standardwebhooks_node=1.1.1
