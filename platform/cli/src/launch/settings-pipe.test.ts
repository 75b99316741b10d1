import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { text } from 'node:stream/consumers';
import { it } from 'node:test';
import { startWith } from './settings-pipe.ts';

const PROGRAM = `
  const { Worker } = require('node:worker_threads');
  new Worker('console.log(process.env.SECRET_OF_TEST)', { eval: true });`;

it('a program that begins threads is started with its settings, and they have them, too', async () => {
  const { nodeArguments, env, send } = startWith({ ...process.env, SECRET_OF_TEST: 'hunter2' } as Record<
    string,
    string
  >);
  assert.equal(env['SECRET_OF_TEST'], undefined);
  const child = spawn(process.execPath, [...nodeArguments, '-e', PROGRAM], {
    env,
    stdio: ['ignore', 'pipe', 'pipe', 'ignore', 'pipe'],
  });
  send(child);
  assert.ok(child.stdout && child.stderr);
  const [out, problems] = await Promise.all([text(child.stdout), text(child.stderr)]);
  assert.equal(out.trim(), 'hunter2', problems);
});

it('what the C library reads is there when it begins', () => {
  const tunables = { GLIBC_TUNABLES: 'glibc.malloc.arena_max=2', MALLOC_ARENA_MAX: '2' };
  assert.deepEqual(startWith({ ...tunables, SECRET_OF_TEST: 'hunter2' }).env, tunables);
});
