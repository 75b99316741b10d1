import { readSync } from 'node:fs';
import { createServer } from 'node:net';

/** What a worker is told that serves nobody. */
export interface HeldPort {
  readonly holds: { readonly host: string; readonly port: number };
}

const STDIN = 0; // `process.stdin` would make reads return at once

/**
 * Holds the port of a gateway whose one process may be exchanged: connections wait in the queue of the socket that both share. This
 * process stands still in a read that ends with the one that started it, so it never accepts one itself.
 */
export function holdPort({ holds: { host, port } }: HeldPort): void {
  createServer().listen({ host, port }, () => {
    process.stderr.write(`should the gateway process end, connections to port ${port} wait for the next\n`);
    readSync(STDIN, Buffer.alloc(1));
    process.exit();
  });
}
