import { once } from 'node:events';
import { createServer, type RequestListener, request as sendRequest } from 'node:http';
import { silentLogger } from '@flotilla/telemetry';
import type { Tried } from '../src/backends/backends.ts';
import type { Exchange } from '../src/exchange.ts';
import type { RouteConfig } from '../src/model.ts';
import type { HostAndPort } from '../src/policies/target/config.ts';
import type { Timers } from '../src/time/timers.ts';
import type { BackendClient } from '../src/wire/backend/backend-call.ts';
import { fieldName } from '../src/wire/rules/field-names.ts';
import { appendField, type Fields, noFields } from '../src/wire/rules/fields.ts';

export interface ManualTimers extends Timers {
  readonly pending: number;
  advance(ms: number): void;
}

/** Timers whose time moves only when told to. */
export function createManualTimers(): ManualTimers {
  const waiting = new Set<{ readonly at: number; readonly fire: () => void }>();
  let nowMs = 1_000_000;
  return {
    get nowMs() {
      return nowMs;
    },
    get pending() {
      return waiting.size;
    },
    after: (ms, fire) => {
      const timer = { at: nowMs + ms, fire };
      waiting.add(timer);
      return { cancel: () => void waiting.delete(timer) };
    },
    advance: (ms) => {
      nowMs += ms;
      const due = [...waiting].filter(({ at }) => at <= nowMs).sort((one, other) => one.at - other.at);
      for (const timer of due) if (waiting.delete(timer)) timer.fire();
    },
    close: () => waiting.clear(),
  };
}

/** A backend client over node:http: no pools, no limits, the same outcomes. */
export function createPlainBackendClient(): BackendClient {
  return {
    send: ({ host, port }, { method, target, authority, fields, body }, sink) => {
      let isOver = false;
      const fail = (): void => {
        if (!isOver) sink.error({ progress: 'unanswered', reason: 'closed' });
        isOver = true;
      };
      const headers = [
        'host',
        authority,
        ...fields.names.flatMap(({ text }, at) => [text, fields.values[at] ?? '']),
      ];
      const request = sendRequest({ host, port, method, path: target, headers, agent: false });
      request.on('error', fail);
      request.on('response', (response) => {
        if (isOver) return;
        const received = fieldsOf(response.rawHeaders);
        const { statusCode: status = 0, statusMessage: reason = '' } = response;
        sink.head({ status, reason, fields: received, bodyBytes: undefined });
        response.on('data', (chunk: Buffer) => isOver || sink.data(chunk));
        response.on('end', () => {
          if (!isOver) sink.end(undefined);
          isOver = true;
        });
        response.on('error', fail);
      });
      request.end(Buffer.isBuffer(body) ? body : undefined);
      return {
        pause: () => undefined,
        resume: () => undefined,
        abort: () => {
          isOver = true;
          request.destroy();
        },
      };
    },
    stats: () => [],
    close: async () => undefined,
  };
}

function fieldsOf(raw: readonly string[]): Fields {
  const fields = noFields();
  for (let at = 0; at + 1 < raw.length; at += 2)
    appendField(fields, fieldName(raw[at] ?? ''), raw[at + 1] ?? '');
  return fields;
}

/** A server on a free port; closed by `close`. */
export async function listen(
  listener: RequestListener,
): Promise<{ readonly port: number; readonly close: () => void }> {
  const server = createServer(listener).listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as { readonly port: number }; // a TCP server that listens always has one
  const close = (): void => {
    server.close();
    server.closeAllConnections();
  };
  return { port, close };
}

export const UNTRIED: Tried = { refused: new Set(), avoid: new Set() };

/** What balancing looks at of an exchange: the fields of the request, claims and the address. */
export function exchangeWith(
  headers: Readonly<Record<string, string>> = {},
  more: Partial<Exchange> = {},
): Exchange {
  const fields = fieldsOf(Object.entries(headers).flat());
  const never = (): never => {
    throw new Error('not part of this test');
  };
  return {
    request: {
      method: 'GET',
      version: '1.1',
      target: { path: '/', query: '', withoutParameters: '/' },
      host: 'gateway',
      fields,
      connectionNames: [],
      framing: { kind: 'none' },
      handshake: 'none',
    },
    body: {
      framing: { kind: 'none' },
      lastByteAtMs: 0,
      state: 'unread',
      read: never,
      pause: never,
      resume: never,
      discard: never,
    },
    answer: {
      state: 'open',
      status: 0,
      bytesSent: 0,
      onClose: undefined,
      onDrain: undefined,
      start: never,
      write: never,
      end: never,
      send: never,
      abort: never,
      closeAfter: never,
      switchProtocols: never,
    },
    peerAddress: '127.0.0.1',
    secure: false,
    trace: { traceId: '0'.repeat(32), spanId: '0'.repeat(16), sampled: false },
    startedAtMs: 0,
    clientAddress: '127.0.0.1',
    values: new Map(),
    claims: undefined,
    requestId: undefined,
    outgoing: { method: 'GET', fields: noFields(), query: new Map() },
    answerFields: noFields(),
    route: '',
    onGone: undefined,
    backend: undefined,
    refusal: undefined,
    isPersonal: false,
    clientCertificate: undefined,
    traceparent: undefined,
    callerSpanId: undefined,
    ...more,
  };
}

export function hosts(...ports: readonly number[]): readonly HostAndPort[] {
  return ports.map((port) => ({ host: '127.0.0.1', port, weight: 1, zone: undefined }));
}

/** A route with every default. */
export function routeWith(more: Partial<RouteConfig> = {}): RouteConfig {
  const none = new Map<string, never>();
  return {
    name: '/x',
    methods: [],
    upstreamHost: undefined,
    headerTemplates: new Map(),
    caseSensitive: false,
    priority: 1,
    key: undefined,
    downstreamTemplate: '/x',
    downstreamMethod: undefined,
    scheme: 'http',
    webSocket: false,
    swaggerKey: undefined,
    virtualDirectory: undefined,
    target: { kind: 'hosts', hosts: hosts(1) },
    ipRules: undefined,
    cors: undefined,
    transforms: { request: [], answer: [] },
    forwardedCookies: undefined,
    rateLimit: undefined,
    furtherLimits: [],
    loadPriority: 'normal',
    requestIdKey: undefined,
    authentication: undefined,
    claims: { toClaims: none, toHeaders: none, toQuery: none, toPath: none, required: none },
    balancer: { type: 'RoundRobin' },
    versions: [],
    grpcWeb: false,
    forwardAuth: undefined,
    compression: undefined,
    clientCertificate: undefined,
    backendTls: undefined,
    ownAnswer: undefined,
    strangler: undefined,
    health: { active: undefined, passive: undefined },
    retry: { retries: 1, budgetPercent: 20, statuses: [] },
    cache: undefined,
    breaker: undefined,
    timeoutMs: 90_000,
    qosTimeout: false,
    downstreamProtocol: '1.1',
    verifyCertificate: true,
    handler: {
      followsRedirects: false,
      usesCookieJar: false,
      maxConnections: Number.POSITIVE_INFINITY,
      connectionLifetimeMs: 120_000,
    },
    delegatingHandlers: [],
    allowsWebSocket: true,
    passesEncodedSlashes: false,
    hostField: undefined,
    maxBodyBytes: 30_000_000,
    silenceMs: 300_000,
    webSocketOrigins: [],
    webSocketIdleMs: Number.POSITIVE_INFINITY,
    metadata: new Map(),
    ...more,
  };
}

export const QUIET = silentLogger;
