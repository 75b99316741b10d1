import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { eventually } from '@flotilla/kernel/testing';
import { createTimers } from '../src/time/timers.ts';
import { createHttp1Listener } from '../src/wire/client/http1/listener.ts';
import type { Incoming } from '../src/wire/client/incoming.ts';
import { listenPlain } from '../src/wire/client/listen.ts';
import type { Listener } from '../src/wire/client/listener.ts';
import type { ClientLimits, Http1Options } from '../src/wire/client/options.ts';
import { fieldName } from '../src/wire/rules/field-names.ts';
import { noFields } from '../src/wire/rules/fields.ts';
import type { ResponseHead } from '../src/wire/rules/response.ts';

/** A listener on a free port, and clients that speak bytes. */
export interface TestServer {
  readonly listener: Listener;
  readonly port: number;
  /** Codes of what was refused without the pipeline. */
  readonly refused: string[];
  readonly faults: unknown[];
  client(): Promise<TestClient>;
  close(): Promise<void>;
}

export interface TestClient {
  readonly socket: Socket;
  send(bytes: string | Buffer): void;
  /** Everything that came, one character a byte. */
  text(): string;
  /** Waits for the text. */
  until(pattern: RegExp): Promise<string>;
  /** Waits for the end of the connection; the whole text. */
  closed(): Promise<string>;
}

export async function startServer(
  onRequest: (incoming: Incoming) => void,
  {
    limits = {},
    ...options
  }: Partial<Omit<Http1Options, 'limits'>> & {
    readonly limits?: Partial<ClientLimits>;
    readonly tickMs?: number;
  } = {},
): Promise<TestServer> {
  const timers = createTimers({ tickMs: options.tickMs ?? 5 });
  const refused: string[] = [];
  const faults: unknown[] = [];
  const clients: Socket[] = [];
  const listener = createHttp1Listener({
    timers,
    onRequest,
    onRefused: ({ code }) => refused.push(code),
    onFault: (error) => faults.push(error),
    limits: () => limits,
    ...options,
  });
  const listening = await listenPlain({ host: '127.0.0.1', port: 0, timers, accept: listener.accept });
  return {
    listener,
    port: listening.port,
    refused,
    faults,
    client: async () => {
      const socket = connect({ port: listening.port, host: '127.0.0.1', allowHalfOpen: true });
      clients.push(socket);
      await once(socket, 'connect');
      return watch(socket);
    },
    close: async () => {
      listening.close();
      for (const socket of clients) socket.destroy();
      await listener.drain(0);
      timers.close();
    },
  };
}

export function watch(socket: Socket): TestClient {
  let text = '';
  let isClosed = false;
  socket.on('data', (bytes: Buffer) => {
    text += bytes.toString('latin1');
  });
  socket.on('error', () => undefined); // a reset is an end like others here
  socket.on('end', () => socket.end());
  socket.on('close', () => {
    isClosed = true;
  });
  return {
    socket,
    send: (bytes) => {
      socket.write(typeof bytes === 'string' ? Buffer.from(bytes, 'latin1') : bytes);
    },
    text: () => text,
    until: (pattern) => eventually(`${pattern}`, () => pattern.test(text) && text, 60_000, 2),
    closed: async () => {
      await eventually('the connection ends', () => isClosed, 60_000, 2);
      return text;
    },
  };
}

export function okHead(bodyBytes?: number, fields: Readonly<Record<string, string>> = {}): ResponseHead {
  const all = noFields();
  for (const [name, value] of Object.entries(fields)) {
    all.names.push(fieldName(name));
    all.values.push(value);
  }
  return { status: 200, reason: 'OK', fields: all, bodyBytes };
}

/** Answers with method, path and body once the body is complete. */
export function echo({ request, body, answer }: Incoming): void {
  let text = '';
  body.read(
    {
      data: (chunk) => {
        text += chunk.toString('latin1');
      },
      end: () => answer.send(okHead(), `${request.method} ${request.target.path} ${text};`),
      error: (refusal) => {
        if (refusal?.closes) answer.closeAfter();
        if (refusal !== undefined)
          answer.send({ ...okHead(), status: refusal.status, reason: '' }, refusal.code);
        else answer.abort();
      },
    },
    1_000_000,
  );
}

export function request(
  path: string,
  fields: string = '',
  body: string = '',
  method: string = 'GET',
): string {
  return `${method} ${path} HTTP/1.1\r\nHost: h\r\n${fields}\r\n${body}`;
}
