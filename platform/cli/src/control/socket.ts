import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { link, rename, rm } from 'node:fs/promises';
import type { Server } from 'node:http';
import { connect } from 'node:net';

/**
 * Listens on the socket of a data directory, unless a living process does: then `false`. Having the socket is the
 * exclusive right to the data. One that a killed supervisor left is moved away first, and looked at there: should
 * another process have taken its place in that moment, it is put back.
 */
export async function claimSocket(server: Server, path: string): Promise<boolean> {
  for (let attempt = 0; attempt < 10; attempt += 1) {
    if (await listens(server, path)) return true;
    if (await answers(path)) return false;
    const aside = `${path}.${randomBytes(4).toString('hex')}`;
    const moved = await rename(path, aside).then(
      () => true,
      () => false, // somebody else was faster: look again
    );
    if (!moved) continue;
    const alive = await answers(aside);
    if (alive) await link(aside, path).catch(() => undefined);
    await rm(aside, { force: true });
    if (alive) return false;
  }
  return false;
}

async function listens(server: Server, path: string): Promise<boolean> {
  try {
    const listening = once(server, 'listening');
    const umask = process.umask(0o177); // for this user only, from the first moment
    server.listen(path);
    process.umask(umask);
    await listening;
    return true;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'EADDRINUSE') return false;
    throw error;
  }
}

/** Does a process listen there? One that is too busy to answer does; what cannot be asked is a fault, and not an answer. */
export async function answers(path: string): Promise<boolean> {
  const socket = connect(path);
  try {
    await once(socket, 'connect');
    return true;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'EAGAIN') return true; // more wait than it has accepted
    if (isNobodyThere(error)) return false;
    throw error;
  } finally {
    socket.destroy();
  }
}

/** Of everything that may go wrong with a socket only this says that nobody listens. */
export function isNobodyThere(error: unknown): boolean {
  return ['ECONNREFUSED', 'ENOENT'].includes((error as NodeJS.ErrnoException).code ?? '');
}
