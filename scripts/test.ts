/**
 * `npm test [-- <files or patterns>]`: runs the tests on a throw-away PostgreSQL of their own, and on a RabbitMQ.
 * Under CI=true a skipped test is a failure: it would prove nothing.
 */
import { spawn } from 'node:child_process';
import { chmod, mkdtemp, rm } from 'node:fs/promises';
import { availableParallelism, tmpdir } from 'node:os';
import { join } from 'node:path';
import { removeEmbeddedPostgres, startEmbeddedPostgres } from '@flotilla/postgres';
import { startTestBroker, type TestBroker } from './test-broker.ts';

const PATTERNS = [
  'platform/**/*.test.ts',
  'shop/**/*.test.ts',
  'test/**/*.test.ts',
  'bench/*.test.ts',
  'chaos/**/*.test.ts',
];
const given = process.argv.slice(2);
/** Most parts do without RabbitMQ, which takes seconds to start. */
const needsBroker =
  given.length === 0 || given.some((pattern) => /messaging|system|^[^/]*\*\*/.test(pattern));
const folder = await mkdtemp(join(tmpdir(), 'flotilla-test-'));
await chmod(folder, 0o755); // the server does not run as root
const dataDir = join(folder, 'data');

const interrupted = new AbortController();
for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => interrupted.abort());

/** The server of the tests is thrown away, so it alone need not survive a power failure. */
const server = await startEmbeddedPostgres({
  dataDir,
  logFile: join(folder, 'postgres.log'),
  settings: { fsync: 'off', full_page_writes: 'off', synchronous_commit: 'off' },
});
let broker: TestBroker | undefined;
try {
  if (needsBroker) broker = await startTestBroker(folder);
  process.exitCode = interrupted.signal.aborted ? 130 : await runTests(server.adminUri);
} finally {
  await broker?.stop();
  await server.stop();
  await removeEmbeddedPostgres(dataDir);
  await rm(folder, { recursive: true, force: true });
}

async function runTests(adminUri: string): Promise<number> {
  const args = [
    '--test',
    '--test-reporter=spec',
    `--test-concurrency=${Math.max(2, availableParallelism())}`,
    ...(given.length > 0 ? given : PATTERNS),
  ];
  const strict = process.env['CI'] === 'true';
  const tests = spawn(process.execPath, args, {
    // Hundreds of processes run the same modules: each is compiled once.
    env: {
      NODE_COMPILE_CACHE: join(folder, 'compile-cache'),
      ...process.env,
      FLOTILLA_TEST_POSTGRES: adminUri,
      ...broker?.env,
    },
    stdio: ['ignore', strict ? 'pipe' : 'inherit', 'inherit'],
  });
  interrupted.signal.addEventListener('abort', () => tests.kill('SIGTERM'));
  let summary = '';
  tests.stdout?.on('data', (chunk: Buffer) => {
    process.stdout.write(chunk);
    summary = (summary + chunk.toString()).slice(-2_000);
  });
  const code = await new Promise<number>((resolve) => tests.once('close', (status) => resolve(status ?? 1)));
  const skipped = Number(/skipped (\d+)/.exec(summary)?.[1] ?? 0);
  if (skipped > 0) console.error(`${skipped} tests were skipped, which CI does not accept.`);
  return skipped > 0 ? 1 : code;
}
