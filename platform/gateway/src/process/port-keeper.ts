/**
 * Holds the port of a gateway whose one process may be exchanged: connections wait in the queue of the socket that both share. It
 * stands still in a read that ends with the process that started it, so it never accepts one itself.
 */
import { once } from 'node:events';
import { readSync } from 'node:fs';
import { createServer } from 'node:net';
import type { KeptPort } from './keep-port.ts';

const STDIN = 0; // `process.stdin` would make reads return at once
const [{ host, port }] = (await once(process, 'message')) as [KeptPort]; // it is sent first, and once
createServer().listen({ host, port }, () => {
  process.stderr.write(`connections to port ${port} wait while the gateway process is exchanged\n`);
  readSync(STDIN, Buffer.alloc(1));
  process.exit();
});
