import { createServer, type Server, type Socket } from 'node:net';
import { join } from 'node:path';
import { inboxMigrations } from '@flotilla/messaging';
import { createTestService } from '@flotilla/service/testing';
import { createNotificationApp } from './app.ts';
import { createSmtpServer } from './smtp.ts';

export const notificationMigrations = {
  name: 'notification',
  directory: join(import.meta.dirname, '..', 'migrations'),
};

/** The notification service on a database of its own; with `smtpUrl` it sends, without it keeps the mails. */
export async function startNotification({ smtpUrl }: { readonly smtpUrl?: string } = {}) {
  const service = await createTestService('notification', [notificationMigrations, inboxMigrations]);
  const server =
    smtpUrl === undefined
      ? undefined
      : await createSmtpServer({ url: smtpUrl, from: 'Shop <shop@flotilla.example>' });
  const app = await createNotificationApp({ ...service, server });
  const stopped = new AbortController();
  const sending = app.sender?.run(stopped.signal);
  service.defer(async () => {
    stopped.abort();
    await sending;
  });
  service.serve(app.handlers);
  await service.consume(app.subscriptions);
  return {
    ...{ db: service.owner, publish: service.publish, close: service.close },
    /** Calls as somebody with this role. */
    get: (url: string, role = 'Admin') => service.request('GET', url, { as: { role } }),
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
