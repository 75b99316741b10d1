import { createServer, type Server, type Socket } from 'node:net';
import { join } from 'node:path';
import { createTestIssuer } from '@flotilla/auth/testing';
import { createHttpHost } from '@flotilla/http';
import { systemClock, uuidv7 } from '@flotilla/kernel';
import { createConsumer, inboxMigrations, type MessageType } from '@flotilla/messaging';
import { createMemoryTransport, createTestMessage } from '@flotilla/messaging/testing';
import { createTestDatabase } from '@flotilla/postgres/testing';
import { createMetrics, silentLogger } from '@flotilla/telemetry';
import { createNotificationApp } from './app.ts';
import { createSmtpServer } from './smtp.ts';

export const notificationMigrations = {
  name: 'notification',
  directory: join(import.meta.dirname, '..', 'migrations'),
};

/** The notification service on a database of its own; with `smtpUrl` it sends, without it keeps the mails. */
export async function startNotification({ smtpUrl }: { readonly smtpUrl?: string } = {}) {
  const issuer = createTestIssuer();
  const database = await createTestDatabase([notificationMigrations, inboxMigrations]);
  const { db } = database;
  const server =
    smtpUrl === undefined
      ? undefined
      : await createSmtpServer({ url: smtpUrl, from: 'Shop <shop@flotilla.example>' });
  const observed = { logger: silentLogger, metrics: createMetrics() };
  const app = await createNotificationApp({ db, clock: systemClock, ...observed, server });
  const stopped = new AbortController();
  const sending = app.sender?.run(stopped.signal);
  const host = createHttpHost({
    ...observed,
    service: 'notification',
    handlers: app.handlers,
    verifyToken: issuer.verify,
    readiness: {},
  });
  const transport = createMemoryTransport();
  const handlers = app.subscriptions;
  const consumer = createConsumer({ ...observed, name: 'notification', db, transport, handlers });
  await consumer.start();

  return {
    db,
    /** Calls as somebody with this role. */
    get: async (url: string, role = 'Admin') => {
      const authorization = `Bearer ${await issuer.sign({ role })}`;
      const response = await host.inject({ method: 'GET', url, headers: { authorization } });
      const body: Record<string, unknown> = response.json();
      return { status: response.statusCode, body };
    },
    publish: async <T>(type: MessageType<T>, data: T, id: string = uuidv7()) => {
      await transport.publish([createTestMessage(type, data, { id })]);
      return id;
    },
    close: async () => {
      await consumer.close();
      stopped.abort();
      await sending;
      await host.close();
      await database.close();
    },
  };
}

export interface FakeSmtp {
  readonly url: string;
  /** The commands of all clients. */
  readonly commands: string[];
  /** Accepted mails as they came over the wire. */
  readonly mails: { readonly to: string; readonly data: string }[];
  /** What to answer to `RCPT TO`. Default `250 ok`. */
  answerRecipient: (to: string) => string;
  close(): Promise<void>;
}

/** As much of an SMTP server as a client needs to deliver mails. */
export async function startFakeSmtp(port = 0): Promise<FakeSmtp> {
  const sockets = new Set<Socket>();
  const server = createServer((socket) => {
    sockets.add(socket);
    socket.on('close', () => sockets.delete(socket));
    converse(socket, smtp);
  });
  await new Promise<void>((resolve) => server.listen(port, '127.0.0.1', resolve));
  const smtp: FakeSmtp = {
    url: `smtp://127.0.0.1:${portOf(server)}`,
    commands: [],
    mails: [],
    answerRecipient: () => '250 ok',
    close: async () => {
      for (const socket of sockets) socket.destroy();
      await new Promise((resolve) => server.close(resolve));
    },
  };
  return smtp;
}

function portOf(server: Server): number {
  const address = server.address();
  if (address === null || typeof address === 'string') throw new TypeError('the server does not listen');
  return address.port;
}

function converse(socket: Socket, smtp: FakeSmtp): void {
  let pending = '';
  let to = '';
  let data: string[] | undefined;
  const say = (line: string) => socket.write(`${line}\r\n`);

  function hear(line: string): void {
    if (data) {
      if (line !== '.') return void data.push(line);
      smtp.mails.push({ to, data: data.join('\n') });
      data = undefined;
      return void say('250 taken');
    }
    smtp.commands.push(line.split(' ')[0] ?? '');
    if (line.startsWith('RCPT TO:')) {
      to = /<(.*)>/.exec(line)?.[1] ?? '';
      return void say(smtp.answerRecipient(to));
    }
    if (line === 'STARTTLS') return void say('502 not here');
    if (line === 'DATA') data = [];
    if (line === 'QUIT') return void socket.end('221 bye\r\n');
    say(line === 'DATA' ? '354 go on' : '250 ok');
  }

  socket.on('data', (chunk) => {
    const lines = `${pending}${chunk}`.split('\r\n');
    pending = lines.pop() ?? '';
    for (const line of lines) hear(line);
  });
  socket.on('error', () => socket.destroy());
  say('220 fake');
}
