/** A closed loop over kept-alive connections: each sends its next request when the answer is complete. */
import { connect, type Socket } from 'node:net';
import { runProgram } from '../program.ts';
import { percentile } from '../statistics.ts';
import type { LoadRequest, LoadResult } from './traffic.ts';

await runProgram(async () => ({
  commands: { load, stream, events },
  close: async () => undefined,
}));

async function load(request: LoadRequest): Promise<LoadResult> {
  const latencies: number[] = [];
  const statuses: Record<string, number> = {};
  let sent = 0;
  const startedAt = performance.now();
  const dueAt = (n: number) => (request.perSecond > 0 ? startedAt + (n * 1_000) / request.perSecond : 0);

  async function client(): Promise<void> {
    const socket = connect(request.port, '127.0.0.1');
    socket.setNoDelay(true);
    const answers = createReader(socket);
    while (sent < request.requests) {
      const n = sent;
      sent += 1;
      const waitMs = dueAt(n) - performance.now();
      if (waitMs > 1) await new Promise((resolve) => setTimeout(resolve, waitMs));
      const from = request.perSecond > 0 ? Math.max(dueAt(n), 0) : performance.now();
      const path = request.path.replaceAll('#', String(n));
      socket.write(`GET ${path} HTTP/1.1\r\nHost: bench.test\r\n${request.fields}\r\n`);
      const status = await answers.next();
      latencies.push(performance.now() - from);
      statuses[status] = (statuses[status] ?? 0) + 1;
    }
    socket.destroy();
  }

  await Promise.all(Array.from({ length: request.connections }, client));
  const seconds = (performance.now() - startedAt) / 1_000;
  return {
    perSecond: request.requests / seconds,
    p50Ms: percentile(latencies, 0.5),
    p99Ms: percentile(latencies, 0.99),
    statuses,
  };
}

/** Takes one large answer of at least so many bytes; resolves with what came, head included. */
async function stream({
  port,
  path,
  enough,
}: {
  readonly port: number;
  readonly path: string;
  readonly enough: number;
}): Promise<number> {
  const socket = connect(port, '127.0.0.1');
  let bytes = 0;
  socket.on('data', (chunk: Buffer) => {
    bytes += chunk.length;
    if (bytes >= enough) socket.destroy();
  });
  socket.write(`GET ${path} HTTP/1.1\r\nHost: bench.test\r\n\r\n`);
  await new Promise((resolve) => socket.once('close', resolve));
  return bytes;
}

/** How long events were on their way, in ms. */
async function events({ port }: { readonly port: number }): Promise<readonly number[]> {
  const socket = connect(port, '127.0.0.1');
  const delays: number[] = [];
  socket.on('data', (chunk: Buffer) => {
    const nowMs = performance.timeOrigin + performance.now();
    for (const [, sentMs] of chunk.toString('latin1').matchAll(/data: ([\d.]+)/g))
      delays.push(nowMs - Number(sentMs));
    if (chunk.includes('0\r\n\r\n')) socket.destroy();
  });
  socket.write('GET /api/events HTTP/1.1\r\nHost: bench.test\r\n\r\n');
  await new Promise((resolve) => socket.once('close', resolve));
  return delays;
}

/** Reads answers with a Content-Length, or in one last chunk, from a connection. */
function createReader(socket: Socket): { next(): Promise<string> } {
  let text = '';
  let waiting: PromiseWithResolvers<string> | undefined;
  const look = () => {
    if (waiting === undefined) return;
    const end = text.indexOf('\r\n\r\n');
    if (end === -1) return;
    const head = text.slice(0, end).toLowerCase();
    const length = /\r\ncontent-length: *(\d+)/.exec(head)?.[1];
    const last = length === undefined ? text.indexOf('\r\n0\r\n\r\n', end) : -1;
    const bodyEnd = length === undefined ? (last === -1 ? Number.NaN : last + 7) : end + 4 + Number(length);
    if (Number.isNaN(bodyEnd) || text.length < bodyEnd) return;
    text = text.slice(bodyEnd);
    const { resolve } = waiting;
    waiting = undefined;
    resolve(head.slice(9, 12));
  };
  socket.on('data', (chunk: Buffer) => {
    text += chunk.toString('latin1');
    look();
  });
  const lost = () => waiting?.reject(new Error('the connection ended before its answer'));
  socket.on('error', lost);
  socket.on('close', lost);
  return {
    next: () => {
      waiting = Promise.withResolvers<string>();
      look();
      return waiting.promise;
    },
  };
}
