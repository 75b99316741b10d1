#!/usr/bin/env bash
# Node 24: `requestTimeout: 0`, which switches the limit for whole requests off, switches the limit for their headers
# off too, although `headersTimeout` is documented with a default of 60 s. Given both, the one for headers stays.
set -euo pipefail
node -e '
const { createServer } = require("node:http");
const read = (options) => createServer(options, () => {}).headersTimeout;
const seen = { default: read({}), off: read({ requestTimeout: 0 }), both: read({ requestTimeout: 0, headersTimeout: 60_000 }) };
console.log(`node ${process.version}: headersTimeout`, JSON.stringify(seen));
process.exit(seen.default === 60_000 && seen.off === 0 && seen.both === 60_000 ? 0 : 1);
' && echo 'As described.' || { echo 'The behaviour has changed.'; exit 1; }
