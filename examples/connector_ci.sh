#!/usr/bin/env bash
# What a connector's own CI does with Comptoir instead of a mock: start a clean server, seed it, run the connector's
# tests against it, stop it. The database goes with the server. `comptoir` on the PATH, or the binary COMPTOIR_BIN names.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/connector_ci"

comptoir=${COMPTOIR_BIN:-comptoir}

# Start: any free port, a temporary database; one line of JSON once it listens. --now holds the clock, so that days and
# expiries are the same in every run.
exec {line}< <(
  COMPTOIR_OPERATOR_PASSWORD='only for this run' exec "$comptoir" serve --database temp --listen 127.0.0.1:0 \
    --now 2026-11-22T10:00:00Z --log warn
)
server=$!
trap 'kill "$server" 2>/dev/null; wait "$server" 2>/dev/null || true' EXIT
read -r -u "$line" ready
field() { python3 -c 'import json, sys; print(json.loads(sys.argv[1])[sys.argv[2]])' "$ready" "$1"; }
COMPTOIR_URL=$(field url)
COMPTOIR_DATABASE=$(field database)
export COMPTOIR_URL COMPTOIR_DATABASE

# Seed: the command line works beside the running server, and what it changes holds at once.
"$comptoir" company add north_star --name 'North Star Trading' >/dev/null
"$comptoir" user add shop_connector --company north_star --role BOT --no-password >/dev/null
"$comptoir" quota set north_star shop_connector UNIVERSAL PLAN --points-per-day 10 >/dev/null
CONNECTOR_TOKEN=$("$comptoir" token add shop_connector --name ci --role BOT | sed -n 's/.*(shown this once): //p')
export CONNECTOR_TOKEN

# Test.
python3 -B -m unittest --quiet test_connector

# Nothing is left half done: the file's rows agree with each other.
"$comptoir" check
