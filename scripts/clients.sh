#!/bin/sh
# node-postgres for tests/test_clients.py: Debian's, or where another Node is installed, which does not
# go with that, npm's, once, into build/clients.
set -eu
cd "$(dirname "$0")/.."
packages=build/clients

if [ -d /usr/share/nodejs/pg ] || [ -d "$packages/node_modules/pg" ]; then
    exit 0
fi
if ! command -v npm >/dev/null; then
    exec scripts/setup.sh node
fi
mkdir -p "$packages"
npm install --prefix "$packages" --no-save --ignore-scripts --no-audit --no-fund --no-package-lock \
    --loglevel=error pg@8
