#!/usr/bin/env bash
# A TypeScript client generated from openapi/, type-checked and used against a demo server. It needs Node.js (18.18 or
# newer) with npm; the binary is `comptoir` on the PATH, or what COMPTOIR_BIN names.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/typescript"

npm ci --silent --no-audit --no-fund
npm run --silent generate
npm run --silent build
npm run --silent start
