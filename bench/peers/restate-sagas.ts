/** Restate: a handler of three `ctx.run`, called through the ingress of a server of its own on the loopback. */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import * as restate from '@restatedev/restate-sdk';
import { runProgram } from '../program.ts';
import { sagaCommands, takeStep } from '../saga/load.ts';

const saga = restate.service({
  name: 'sagas',
  handlers: {
    threeSteps: async (ctx: restate.Context, order: string): Promise<string> => {
      for (const name of ['reserve', 'charge', 'ship']) await ctx.run(name, () => takeStep(name, order));
      return order;
    },
  },
});

interface Server {
  readonly process: ChildProcess;
  readonly adminUrl: string;
  readonly ingressUrl: string;
}

/** Its own defaults; only addresses and the folder are given. */
async function startServer(folder: string): Promise<Server> {
  const [node = 0, admin = 0, ingress = 0] = [await freePort(), await freePort(), await freePort()];
  const binary = `@restatedev/restate-server-${process.platform}-${process.arch}/bin/restate-server`;
  const server = spawn(
    createRequire(import.meta.url).resolve(binary),
    ['--no-logo', '--listen-mode', 'tcp'],
    {
      stdio: ['ignore', 'ignore', 'inherit'],
      env: {
        RESTATE_BASE_DIR: folder,
        RESTATE_BIND_IP: '127.0.0.1',
        RESTATE_BIND_PORT: String(node),
        RESTATE_ADMIN__BIND_PORT: String(admin),
        RESTATE_INGRESS__BIND_PORT: String(ingress),
        RESTATE_DISABLE_TELEMETRY: 'true',
        RESTATE_LOG_FILTER: 'error,octocrab=off',
      },
    },
  );
  const adminUrl = `http://127.0.0.1:${admin}`;
  while (!(await answers(`${adminUrl}/health`))) {
    if (server.exitCode !== null) throw new Error(`restate-server ended with ${server.exitCode}`);
    await delay(100);
  }
  return { process: server, adminUrl, ingressUrl: `http://127.0.0.1:${ingress}` };
}

async function answers(url: string): Promise<boolean> {
  return await fetch(url).then(
    (response) => response.ok,
    () => false,
  );
}

async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  server.close();
  await once(server, 'close');
  return typeof address === 'object' && address ? address.port : 0;
}

await runProgram(async () => {
  const folder = await mkdtemp(join(tmpdir(), 'flotilla-bench-restate-'));
  const port = await restate.serve({ services: [saga], port: 0, logger: () => undefined });
  const server = await startServer(folder);
  const registered = await fetch(`${server.adminUrl}/deployments`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ uri: `http://127.0.0.1:${port}` }),
  });
  if (!registered.ok) throw new Error(`the service was not registered: ${await registered.text()}`);
  let orders = 0;
  return {
    commands: sagaCommands(async () => {
      orders += 1;
      const answer = await fetch(`${server.ingressUrl}/sagas/threeSteps`, {
        method: 'POST',
        headers: { 'content-type': 'application/json' },
        body: JSON.stringify(`order-${orders}`),
      });
      if (!answer.ok) throw new Error(`the ingress answered ${answer.status}: ${await answer.text()}`);
      await answer.arrayBuffer();
    }),
    close: async () => {
      const ended = once(server.process, 'exit');
      server.process.kill('SIGTERM');
      await ended;
      await rm(folder, { recursive: true, force: true });
    },
  };
});
