#!/bin/sh
# Install PostgreSQL's server programs when they are missing and this user may; the ledger's tests start their own server.
set -eu
found() { command -v initdb >/dev/null 2>&1 || ls /usr/lib/postgresql/*/bin/initdb >/dev/null 2>&1; }
found && exit 0
if [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null 2>&1; then
  apt-get update -qq && DEBIAN_FRONTEND=noninteractive apt-get install -y -qq postgresql >/dev/null
else
  echo "PostgreSQL is not installed: the ledger's tests run on SQLite only (install it to run them on both)." >&2
fi
