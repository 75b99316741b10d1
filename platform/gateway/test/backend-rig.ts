import { once } from 'node:events';
import { type AddressInfo, createServer, type Server, type Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import type { Timers } from '../src/time/timers.ts';
import type {
  BackendCall,
  BackendClient,
  BackendFailure,
  BackendRequest,
  Origin,
  ResponseSink,
} from '../src/wire/backend/backend-call.ts';
import { type BackendLimits, createBackendClient } from '../src/wire/backend/create-backend-client.ts';
import { fieldName } from '../src/wire/rules/field-names.ts';
import { type Fields, fieldValue, noFields } from '../src/wire/rules/fields.ts';
import type { BodyFraming, BodySink, RequestBody } from '../src/wire/rules/request.ts';
import type { ResponseHead } from '../src/wire/rules/response.ts';

/** Timers whose time the test moves. */
export function createManualTimers(): Timers & { advance(ms: number): void } {
  const pending = new Set<{ atMs: number; fire: () => void }>();
  let nowMs = 1_000;
  return {
    get nowMs() {
      return nowMs;
    },
    after: (ms, fire) => {
      const entry = { atMs: nowMs + ms, fire };
      pending.add(entry);
      return { cancel: () => pending.delete(entry) };
    },
    advance: (ms) => {
      nowMs += ms;
      for (const entry of [...pending].filter(({ atMs }) => atMs <= nowMs))
        if (pending.delete(entry)) entry.fire();
    },
    close: () => pending.clear(),
  };
}

/** A back end in raw bytes. `connections` counts them all. */
export interface RawBackend {
  readonly origin: Origin;
  readonly sockets: Socket[];
  /** All bytes of all connections in the order of their arrival. */
  received(): string;
}

export interface BackendBed {
  readonly timers: ReturnType<typeof createManualTimers>;
  readonly backendClient: BackendClient;
  backend(onData: (socket: Socket, received: string) => void): Promise<RawBackend>;
  listen(server: Server): Promise<number>;
  send(origin: Origin, request?: Partial<BackendRequest>): Sent;
  defer(cleanup: () => unknown): void;
  close(): Promise<void>;
}

export interface Sent {
  readonly call: BackendCall;
  /** Resolves whatever comes. */
  readonly outcome: Promise<Outcome>;
  readonly headCame: Promise<ResponseHead>;
  bytes(): number;
}

export interface Outcome {
  readonly kind: 'end' | 'error' | 'switched';
  readonly head: ResponseHead | undefined;
  readonly body: string;
  readonly failure: BackendFailure | undefined;
  readonly trailers: Fields | undefined;
  readonly socket: Duplex | undefined;
}

export function createBackendBed(limits: BackendLimits = {}): BackendBed {
  const timers = createManualTimers();
  const backendClient = createBackendClient({ timers, limits });
  const cleanups: (() => unknown)[] = [() => backendClient.close()];
  const defer = (cleanup: () => unknown) => cleanups.push(cleanup);
  const listen = async (server: Server) => {
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    const sockets = new Set<Socket>();
    server.on('connection', (socket) => sockets.add(socket.on('error', () => {})));
    defer(() => {
      server.close();
      for (const socket of sockets) socket.destroy();
    });
    return (server.address() as AddressInfo).port;
  };
  return {
    timers,
    backendClient,
    defer,
    listen,
    backend: async (onData) => {
      let received = '';
      const sockets: Socket[] = [];
      const server = createServer((socket) => {
        sockets.push(socket);
        socket.setEncoding('latin1').on('data', (chunk: string) => {
          received += chunk;
          onData(socket, chunk);
        });
      });
      const port = await listen(server);
      return { origin: testOrigin(port), sockets, received: () => received };
    },
    send: (origin, request = {}) => record((sink) => backendClient.send(origin, testRequest(request), sink)),
    close: async () => {
      for (const cleanup of cleanups.toReversed()) await cleanup();
    },
  };
}

export function testOrigin(port: number, more: Partial<Origin> = {}): Origin {
  return {
    key: `${port}${JSON.stringify(more)}`,
    secure: false,
    host: '127.0.0.1',
    port,
    protocol: '1.1',
    verifyCertificate: true,
    connectTimeoutMs: 5_000,
    maxConnections: Number.POSITIVE_INFINITY,
    connectionLifetimeMs: Number.POSITIVE_INFINITY,
    ...more,
  };
}

export function testRequest(more: Partial<BackendRequest> = {}): BackendRequest {
  return {
    method: 'GET',
    target: '/',
    authority: 'test',
    fields: noFields(),
    body: undefined,
    maxBodyBytes: 1_000_000_000,
    silenceMs: 30_000,
    upgrade: false,
    requestId: undefined,
    ...more,
  };
}

export function testFields(fields: Readonly<Record<string, string>>): Fields {
  return { names: Object.keys(fields).map(fieldName), values: Object.values(fields) };
}

export function valueIn(outcome: Outcome, name: string): string | undefined {
  return outcome.head && fieldValue(outcome.head.fields, name);
}

export function requestIdOf(value: string): NonNullable<BackendRequest['requestId']> {
  return { name: fieldName('X-Request-Id'), value };
}

/** Collects an answer. Anything that comes after the end fails the test by an exception. */
export function record(send: (sink: ResponseSink) => BackendCall): Sent {
  const { promise, resolve } = Promise.withResolvers<Outcome>();
  const { promise: headCame, resolve: onHead } = Promise.withResolvers<ResponseHead>();
  let head: ResponseHead | undefined;
  let isOver = false;
  let bytes = 0;
  const chunks: Buffer[] = [];
  const finish = (kind: Outcome['kind'], more: Partial<Outcome>) => {
    if (isOver) throw new Error(`${kind} after the end`);
    isOver = true;
    const body = Buffer.concat(chunks).toString('latin1');
    resolve({ kind, head, body, failure: undefined, trailers: undefined, socket: undefined, ...more });
  };
  const call = send({
    head: (came) => {
      if (isOver || head !== undefined) throw new Error('a head too many');
      head = came;
      onHead(came);
    },
    data: (chunk) => {
      if (isOver || head === undefined) throw new Error('data in the wrong place');
      bytes += chunk.length;
      if (bytes < 10_000_000) chunks.push(chunk);
    },
    end: (trailers) => finish('end', { trailers }),
    error: (failure) => finish('error', { failure }),
    switched: (came, socket, early) => {
      head = came;
      chunks.push(early);
      finish('switched', { socket });
    },
  });
  return { call, outcome: promise, headCame, bytes: () => bytes };
}

export interface TestBody extends RequestBody {
  state: RequestBody['state'];
  readonly sink: BodySink | undefined;
  paused: boolean;
  discarded: boolean;
}

/** A client's body. `onRead` delivers it. */
export function testBody(framing: BodyFraming, onRead: (sink: BodySink, body: TestBody) => void): TestBody {
  let reader: BodySink | undefined;
  const body: TestBody = {
    framing,
    lastByteAtMs: 0,
    state: 'unread',
    paused: false,
    discarded: false,
    get sink() {
      return reader;
    },
    read: (sink) => {
      body.state = 'reading';
      reader = {
        data: (chunk) => sink.data(chunk),
        end: () => {
          body.state = 'complete';
          sink.end();
        },
        error: (refusal) => {
          body.state = 'broken';
          sink.error(refusal);
        },
      };
      const delivering = reader;
      queueMicrotask(() => onRead(delivering, body));
    },
    pause: () => {
      body.paused = true;
    },
    resume: () => {
      body.paused = false;
    },
    discard: () => {
      body.discarded = true;
    },
  };
  return body;
}

/** Waits for a condition, at most five seconds. */
export async function until(condition: () => boolean): Promise<void> {
  const deadline = Date.now() + 5_000;
  while (!condition()) {
    if (Date.now() > deadline) throw new Error('the condition did not come true');
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
}
