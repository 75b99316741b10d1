/** A back end that costs next to nothing, so that the gateway is what is measured. */
import { createServer, type Socket } from 'node:net';
import { runProgram } from '../program.ts';
import { ANSWER_BYTES } from './traffic.ts';

const BODY = `{"data":"${'x'.repeat(ANSWER_BYTES - 11)}"}`;
const ANSWER = Buffer.from(
  `HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: ${BODY.length}\r\nConnection: keep-alive\r\nDate: Thu, 01 Jan 2026 00:00:00 GMT\r\n\r\n${BODY}`,
);
const EVENTS = 200;
const EVENT_EVERY_MS = 10;
const STREAMED_CHUNK = Buffer.alloc(64 * 1024, 'x');

await runProgram(async () => {
  const server = createServer((socket) => {
    socket.setNoDelay(true);
    socket.on('error', () => socket.destroy());
    let pending = '';
    socket.on('data', (chunk: Buffer) => {
      pending += chunk.toString('latin1');
      for (let end = pending.indexOf('\r\n\r\n'); end !== -1; end = pending.indexOf('\r\n\r\n')) {
        const head = pending.slice(0, end);
        pending = pending.slice(end + 4);
        const bytes = /^GET \/api\/stream\/(\d+) /.exec(head)?.[1];
        if (head.startsWith('GET /api/events ')) sendEvents(socket);
        else if (bytes === undefined) socket.write(ANSWER);
        else stream(socket, Number(bytes));
      }
    });
  });
  server.listen(0, '127.0.0.1');
  await new Promise((resolve) => server.once('listening', resolve));
  const { port } = server.address() as { readonly port: number }; // a TCP server that listens always has one
  return {
    commands: { port: async () => port },
    close: async () => {
      server.close();
    },
  };
});

/** Each says when it was sent. */
function sendEvents(socket: Socket): void {
  socket.write('HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n');
  let left = EVENTS;
  const timer = setInterval(() => {
    const event = `data: ${performance.timeOrigin + performance.now()}\n\n`;
    socket.write(`${event.length.toString(16)}\r\n${event}\r\n`);
    left -= 1;
    if (left > 0) return;
    clearInterval(timer);
    socket.write('0\r\n\r\n');
  }, EVENT_EVERY_MS);
  socket.once('close', () => clearInterval(timer));
}

/** As fast as it is taken. */
function stream(socket: Socket, bytes: number): void {
  socket.write(`HTTP/1.1 200 OK\r\nContent-Length: ${bytes}\r\n\r\n`);
  let left = bytes;
  const more = () => {
    while (left > 0 && !socket.destroyed) {
      const chunk = left >= STREAMED_CHUNK.length ? STREAMED_CHUNK : STREAMED_CHUNK.subarray(0, left);
      left -= chunk.length;
      if (!socket.write(chunk)) {
        socket.once('drain', more);
        return;
      }
    }
  };
  more();
}
