#!/usr/bin/env bash
# pg 8.23.1: a statement that fails by `pool.query` costs the connection, whatever the error: a unique violation ends a healthy
# session, and the next statement pays for a new one. A client that was checked out with `pool.connect` lives on after the same error.
# Needs a PostgreSQL: DATABASE_URL=postgres://…
set -euo pipefail
[ -n "${DATABASE_URL:-}" ] || { echo 'Skipped: DATABASE_URL is not set.'; exit 0; }
folder=$(mktemp -d); trap 'rm -rf "$folder"' EXIT; cd "$folder"
npm init -y >/dev/null; npm install --silent --no-audit --no-fund pg@8.23.1
cat > run.cjs <<'JS'
const { Pool } = require('pg');
const FAILS = 'select 1 / 0';
const PID = 'select pg_backend_pid() as pid';
(async () => {
  const pool = new Pool({ connectionString: process.env.DATABASE_URL, max: 1 });
  const pids = [];
  for (let n = 0; n < 4; n += 1) {
    pids.push((await pool.query(PID)).rows[0].pid);
    await pool.query(FAILS).catch(() => {});
  }
  const client = await pool.connect();
  const kept = [];
  for (let n = 0; n < 4; n += 1) {
    kept.push((await client.query(PID)).rows[0].pid);
    await client.query(FAILS).catch(() => {});
  }
  client.release();
  await pool.end();
  const [byPool, byClient] = [new Set(pids).size, new Set(kept).size];
  console.log(`4 failures by pool.query: ${byPool} sessions; 4 by one client: ${byClient}`);
  process.exit(byPool === 4 && byClient === 1 ? 0 : 1);
})();
JS
echo "pg $(node -p "JSON.parse(require('fs').readFileSync('node_modules/pg/package.json', 'utf8')).version"), node $(node --version)"
node run.cjs && echo 'As described.' || { echo 'The behaviour has changed.'; exit 1; }
