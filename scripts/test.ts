/**
 * `npm test [-- [--name <regular expression>] <files, folders or patterns>]`: runs the tests on a throw-away PostgreSQL
 * of their own, and on a RabbitMQ. Under CI=true a skipped test is a failure: it would prove nothing.
 */
import { globSync } from 'node:fs';
import { chmod, mkdir, mkdtemp } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { parseArgs } from 'node:util';
import { startEmbeddedPostgres } from '@flotilla/postgres/embedded';
import system from '../flotilla.config.ts';
import { buildFrontends } from '../platform/cli/src/frontends/build-frontends.ts';
import { compileModules } from '../platform/cli/src/system/compile-modules.ts';
import { runTests } from './run-tests.ts';
import { startTestBroker, type TestBroker } from './test-broker.ts';
import { testFiles } from './test-files.ts';
import { removeLeftovers, removeRunFolder, runFolderPrefix } from './test-leftovers.ts';

const { values, positionals } = parseArgs({ options: { name: { type: 'string' } }, allowPositionals: true });
const files = testFiles(positionals);
await removeLeftovers(tmpdir());
const folder = await mkdtemp(join(tmpdir(), runFolderPrefix(process.pid)));
const temporary = join(folder, 'tmp');
await mkdir(temporary);
for (const path of [folder, temporary]) await chmod(path, 0o755); // the servers do not run as root

const interrupted = new AbortController();
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const)
  process.once(signal, () => interrupted.abort());

/** The server of the tests is thrown away, so it alone need not survive a power failure. */
const server = await startEmbeddedPostgres({
  dataDir: join(folder, 'data'),
  logFile: join(folder, 'postgres.log'),
  settings: {
    fsync: 'off',
    full_page_writes: 'off',
    synchronous_commit: 'off',
    max_connections: '600', // files run side by side, and some start a dozen processes with a pool each
  },
});
let broker: TestBroker | undefined;
try {
  // Most parts do without RabbitMQ, which takes seconds to start.
  if (files.some((file) => /messaging|broker|test\/system|commands\/queue/.test(file)))
    broker = await startTestBroker(folder);
  // Hundreds of processes run the same modules: each is compiled once, and found again by the next run.
  const compileCache = process.env['NODE_COMPILE_CACHE'] || join('node_modules', '.cache', 'flotilla-tests');
  const env = {
    ...process.env,
    NODE_COMPILE_CACHE: resolve(compileCache),
    TMPDIR: temporary,
    FLOTILLA_TEST_POSTGRES: server.adminUri,
    ...broker?.env,
  };
  const { signal } = interrupted;
  // Else each system that a test starts would build the same pages, at the same time.
  if (files.some((file) => /^test\/(system|browser)|storefront|process\.test/.test(file)))
    await buildFrontends({ system, root: process.cwd(), env: process.env, signal, say: console.log });
  const programs = [...files, ...globSync('shop/**/main.ts', { exclude: ['**/node_modules'] })];
  const entries = programs.map((file) => resolve(file));
  await compileModules({ entries, compileCache: env.NODE_COMPILE_CACHE, env, signal });
  process.exitCode = signal.aborted
    ? 130
    : await runTests(files, {
        env,
        signal,
        acceptSkipped: process.env['CI'] !== 'true',
        namePattern: values.name,
      });
} finally {
  await broker?.stop();
  await server.stop();
  await removeRunFolder(folder);
}
