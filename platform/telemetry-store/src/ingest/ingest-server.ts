import { once } from 'node:events';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { collect, createSecretCheck } from '@flotilla/kernel';
import { createScrape, type Metrics } from '@flotilla/telemetry';
import {
  type Answer,
  accepted,
  type Format,
  type Outcome,
  refused,
  SIGNALS,
  type Signal,
} from './answers.ts';
import { isKnownEncoding } from './store-engine.ts';
import type { StoreThread } from './store-thread.ts';

export interface IngestOptions {
  readonly store: Pick<StoreThread, 'take' | 'lost' | 'pendingBytes'>;
  /** Who sends shows it: `Authorization: Bearer …`. `undefined`: everybody may. */
  readonly token: string | undefined;
  readonly metrics: Metrics;
  /** Of a body as it comes. */
  readonly maxBytes: number;
}

export interface IngestServer {
  /** Resolves with the address, `http://127.0.0.1:4318`. */
  listen(host: string, port: number): Promise<string>;
  /** Answers what has come, and takes no more. */
  close(): Promise<void>;
}

/** More than that is not queued: senders have queues of their own, and try again. */
const MOST_PENDING_BYTES = 64 * 1_048_576;
const CLOSE_WITHIN_MS = 2_000;

/** OTLP over HTTP: `POST /v1/traces`, `/v1/logs`, `/v1/metrics`; and `/health/live`, `/health/ready`, `/metrics`. */
export function createIngestServer(options: IngestOptions): IngestServer {
  const counters = countersOf(options.metrics);
  const mayWrite = options.token === undefined ? () => true : createSecretCheck(`Bearer ${options.token}`);
  const scrape = createScrape(options.metrics);
  const server = createServer((request, response) => {
    answer({ ...options, mayWrite }, counters, scrape, request).then(
      (found) => send(response, found),
      () => response.destroy(), // the sender has gone away
    );
  });
  server.keepAliveTimeout = 65_000;
  return {
    listen: async (host, port) => {
      server.listen({ host, port });
      await once(server, 'listening');
      return `http://${host}:${(server.address() as AddressInfo).port}`;
    },
    close: async () => {
      const closed = once(server, 'close');
      server.close();
      server.closeIdleConnections();
      setTimeout(() => server.closeAllConnections(), CLOSE_WITHIN_MS).unref();
      await closed;
    },
  };
}

function countersOf(metrics: Metrics) {
  return {
    kept: metrics.counter('telemetry_store_records_total', 'Records that were kept.', ['signal'], '{record}'),
    rejected: metrics.counter(
      'telemetry_store_rejected_total',
      'Records that were not kept.',
      ['signal'],
      '{record}',
    ),
    refused: metrics.counter(
      'telemetry_store_refused_requests_total',
      'Requests refused whole.',
      ['status'],
      '{request}',
    ),
  };
}

type Counters = ReturnType<typeof countersOf>;

type Scrape = ReturnType<typeof createScrape>;

async function answer(
  options: IngestOptions & { readonly mayWrite: (authorization: string) => boolean },
  counters: Counters,
  scrape: Scrape,
  request: IncomingMessage,
): Promise<Answer> {
  const [path = '/'] = (request.url ?? '/').split('?');
  const format = formatOf(request.headers['content-type']) ?? 'json';
  if (request.method === 'GET') return await answerGet(path, scrape, request.headers);
  const refuse = (status: number, message: string): Answer => {
    counters.refused.inc({ status: String(status) });
    request.resume();
    return refused(status, format, message);
  };
  const signal = SIGNALS.find((one) => path === `/v1/${one}`);
  if (signal === undefined) return refuse(404, 'there are /v1/traces, /v1/logs and /v1/metrics');
  if (request.method !== 'POST') return refuse(405, 'only POST');
  if (!options.mayWrite(request.headers.authorization ?? '')) return refuse(401, 'a bearer token is needed');
  if (formatOf(request.headers['content-type']) === undefined)
    return refuse(415, 'application/x-protobuf or application/json');
  const encoding = (request.headers['content-encoding'] ?? 'identity').trim().toLowerCase();
  if (!isKnownEncoding(encoding)) return refuse(415, 'gzip, deflate, zstd, br or none');
  if (options.store.pendingBytes() > MOST_PENDING_BYTES) {
    options.store.lost(signal, 'the store was too busy: asked to come again', 0);
    return refuse(503, 'too much waits to be written; come again');
  }
  const body = await collect(request, options.maxBytes);
  if (body === undefined) return refuse(413, `a body may have ${options.maxBytes} bytes`);
  const outcome = await options.store.take({ signal, format, encoding, body });
  return answerOutcome(outcome, signal, format, counters, refuse);
}

function answerOutcome(
  outcome: Outcome,
  signal: Signal,
  format: Format,
  counters: Counters,
  refuse: (status: number, message: string) => Answer,
): Answer {
  switch (outcome.kind) {
    case 'kept':
      counters.kept.inc({ signal }, outcome.kept);
      counters.rejected.inc({ signal }, outcome.rejected);
      return accepted(signal, format, outcome.rejected, outcome.reason);
    case 'malformed':
      return refuse(400, outcome.message);
    case 'too-large':
      return refuse(413, outcome.message);
    case 'failed':
      return refuse(503, outcome.message);
  }
}

async function answerGet(path: string, scrape: Scrape, headers: IncomingMessage['headers']): Promise<Answer> {
  if (path === '/health/live' || path === '/health/ready')
    return { status: 200, headers: JSON_TYPE, body: Buffer.from('{"status":"ok"}') };
  if (path !== '/metrics') return refused(404, 'json', 'not found');
  const { accept, 'accept-encoding': encodings } = headers;
  const acceptEncoding = Array.isArray(encodings) ? encodings.join(', ') : encodings;
  return { status: 200, ...(await scrape({ accept, acceptEncoding })) };
}

const JSON_TYPE = { 'content-type': 'application/json' };

function formatOf(contentType: string | undefined): Format | undefined {
  const [type = ''] = (contentType ?? '').toLowerCase().split(';');
  if (['application/x-protobuf', 'application/protobuf'].includes(type.trim())) return 'protobuf';
  return type.trim() === 'application/json' ? 'json' : undefined;
}

function send(response: ServerResponse, { status, headers, body }: Answer): void {
  response.writeHead(status, { ...headers, 'content-length': body.length });
  response.end(body);
}
