#!/bin/sh
# Resolves every project's dependencies into hash-pinned files that name no registry host.
# Run by `make lock`; needs uv (in requirements/dev.in).
set -eu
cd "$(dirname "$0")/.."
uv=${UV:-.venv/bin/uv}
compile() {
    out=$1; shift
    "$uv" pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-header --no-annotate \
        --no-emit-index-url --no-emit-package quintet-shared --output-file "requirements/$out" "$@"
}

compile gateway.txt gateway/pyproject.toml
compile auth.txt auth_service/pyproject.toml
compile catalog.txt catalog_service/pyproject.toml
compile shop.txt shop_service/pyproject.toml
compile run.txt gateway/pyproject.toml auth_service/pyproject.toml catalog_service/pyproject.toml shop_service/pyproject.toml
# The same versions as `make run` has, so that tests prove what runs.
compile dev.txt --constraint requirements/run.txt requirements/dev.in gateway/pyproject.toml auth_service/pyproject.toml catalog_service/pyproject.toml shop_service/pyproject.toml
compile otel.txt --constraint requirements/run.txt requirements/otel.in
compile browser.txt --constraint requirements/dev.txt requirements/browser.in
compile bench.txt --constraint requirements/dev.txt requirements/bench.in
