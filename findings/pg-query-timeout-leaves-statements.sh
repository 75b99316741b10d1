#!/usr/bin/env bash
# pg 8.23.1: `query_timeout` rejects the promise and closes the connection, and the statement goes on in the server, with its locks. A
# pool of two had six of them running. `statement_timeout` is what ends a statement.
# Needs a PostgreSQL: DATABASE_URL=postgres://…
set -euo pipefail
[ -n "${DATABASE_URL:-}" ] || { echo 'Skipped: DATABASE_URL is not set.'; exit 0; }
folder=$(mktemp -d); trap 'rm -rf "$folder"' EXIT; cd "$folder"
npm init -y >/dev/null; npm install --silent --no-audit --no-fund pg@8.23.1
cat > run.cjs <<'JS'
const { Client, Pool } = require('pg');
const connectionString = process.env.DATABASE_URL;
const name = `finding-${process.pid}`;
const SLEEP = 'select pg_sleep(8)';
(async () => {
  const watch = new Client({ connectionString });
  await watch.connect();
  const pool = new Pool({ connectionString, max: 2, query_timeout: 500, application_name: name });
  pool.on('error', () => {});
  const ends = await Promise.allSettled(Array.from({ length: 6 }, () => pool.query(SLEEP)));
  const { rows } = await watch.query(
    "select count(*)::int as running from pg_stat_activity where application_name = $1 and state = 'active'", [name]);
  const [{ running }] = rows;
  console.log(`pool of 2: ${ends.length} calls, all "${ends[0].reason?.message}", ${running} statements running`);
  await watch.query('select pg_terminate_backend(pid) from pg_stat_activity where application_name = $1', [name]);
  await pool.end();
  await watch.end();
  process.exit(running > 2 ? 0 : 1);
})();
JS
echo "pg $(node -p "JSON.parse(require('fs').readFileSync('node_modules/pg/package.json', 'utf8')).version"), node $(node --version)"
node run.cjs && echo 'As described.' || { echo 'The behaviour has changed.'; exit 1; }
