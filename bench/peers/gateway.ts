/** A gateway of Node's world in front of one back end. */
import { createServer } from 'node:http';
import httpProxy from '@fastify/http-proxy';
import fastGateway from 'fast-gateway';
import fastify from 'fastify';
import nodeHttpProxy from 'http-proxy';
import type { PeerSettings } from '../gateway/contenders.ts';
import { runProgram } from '../program.ts';

await runProgram(async ({ kind, port, target }: PeerSettings) => {
  const end = await start(kind, port, target);
  return {
    commands: {},
    close: async () => {
      await end();
    },
  };
});

async function start(
  kind: PeerSettings['kind'],
  port: number,
  target: string,
): Promise<() => Promise<unknown>> {
  if (kind === 'fast-gateway') {
    const gateway = fastGateway({ routes: [{ prefix: '/api', prefixRewrite: '/api', target }] });
    await gateway.start(port, '127.0.0.1');
    return async () => gateway.close();
  }
  if (kind === '@fastify/http-proxy') {
    const server = fastify();
    await server.register(httpProxy, { upstream: target, prefix: '/api', rewritePrefix: '/api' });
    await server.listen({ port, host: '127.0.0.1' });
    return () => server.close();
  }
  const { Agent } = await import('node:http');
  const proxy = nodeHttpProxy.createProxyServer({
    target,
    agent: new Agent({ keepAlive: true, maxSockets: 256 }),
  });
  const server = createServer((request, response) => proxy.web(request, response));
  server.listen(port, '127.0.0.1');
  return async () => server.close();
}
