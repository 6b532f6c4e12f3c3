#!/usr/bin/env bash
# Runs foreign clients against the built server: tests/clients/run.sh [pytest arguments].
# COMPTOIR_BIN names the server's binary (default: target/debug/comptoir).
set -euo pipefail

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
root=$(cd "$here/../.." && pwd)
venv=$root/target/clients-venv

COMPTOIR_BIN=$(realpath "${COMPTOIR_BIN:-$root/target/debug/comptoir}")
export COMPTOIR_BIN
if [[ ! -x $COMPTOIR_BIN ]]; then
  echo "no server at $COMPTOIR_BIN: run 'cargo build' first" >&2
  exit 1
fi

# The pins are copied in last, so that a folder whose installation was cut off does not pass for a whole one.
if ! cmp --silent "$here/requirements.txt" "$venv/requirements.txt"; then
  rm -rf "$venv"
  python3 -m venv "$venv"
  "$venv/bin/pip" install --quiet --disable-pip-version-check --no-deps --requirement "$here/requirements.txt"
  "$venv/bin/pip" check --disable-pip-version-check
  cp "$here/requirements.txt" "$venv/requirements.txt"
fi

export PYTHONDONTWRITEBYTECODE=1
# The tests make requests that the client's models forbid; pydantic remarks on it while it serialises them.
exec "$venv/bin/python" -m pytest --quiet -p no:cacheprovider -W "ignore:Pydantic serializer warnings" "$here" "$@"
