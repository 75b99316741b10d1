import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { it } from 'node:test';

const WATCHER = `
  import { npmEnded } from ${JSON.stringify(new URL('stop-signals.ts', import.meta.url).href)};
  setInterval(() => undefined, 1_000);
  npmEnded(process.env).then(() => { console.log('npm has ended'); process.exit(0); });
  console.log('watching');`;

it('notices that the npm which started it was killed', async () => {
  const script = ['--input-type=module', '-e', WATCHER];
  const npm = spawn(
    process.execPath,
    [
      '-e',
      `require('node:child_process').spawn(process.execPath, ${JSON.stringify(script)}, { stdio: 'inherit' })`,
    ],
    { env: { ...process.env, npm_lifecycle_event: 'start' }, stdio: ['ignore', 'pipe', 'inherit'] },
  );
  let output = '';
  npm.stdout.on('data', (chunk: Buffer) => {
    output += chunk.toString();
    if (output === 'watching\n') npm.kill('SIGKILL');
  });
  // The pipe closes when the watcher, too, has ended.
  await once(npm.stdout, 'close');
  assert.equal(output, 'watching\nnpm has ended\n');
});
