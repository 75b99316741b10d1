import { once } from 'node:events';
import { createServer } from 'node:net';
import type { SystemConfig } from './config.ts';
import { cliError } from './errors.ts';

const HOST = '127.0.0.1';
const SEARCH = 100;

/** The port that was bound and let go again, or `undefined` if it is taken. 0 asks for any free one. */
export async function probePort(port: number): Promise<number | undefined> {
  const server = createServer();
  server.listen({ port, host: HOST, exclusive: true });
  try {
    await once(server, 'listening');
  } catch {
    return undefined; // taken, or not ours to take
  }
  const address = server.address();
  server.close();
  await once(server, 'close');
  return typeof address === 'object' && address ? address.port : undefined;
}

export interface PortWishes {
  /** Free ports instead of the declared ones. */
  readonly isolated: boolean;
  /** Instead of the first declared one. */
  readonly port?: number | undefined;
}

/** The port of every service with a fixed one. Fails with `CLI_PORT_BUSY`, naming a free one. */
export async function assignPorts(
  system: SystemConfig,
  wishes: PortWishes,
): Promise<Readonly<Record<string, number>>> {
  const edges = Object.entries(system.services).filter(([, service]) => service.port !== undefined);
  const ports: Record<string, number> = {};
  for (const [index, [name, service]] of edges.entries()) {
    const given = index === 0 ? wishes.port : undefined;
    const wanted = given ?? (wishes.isolated ? 0 : (service.port ?? 0));
    ports[name] = (await probePort(wanted)) ?? (await refuse(name, wanted));
  }
  return ports;
}

async function refuse(service: string, port: number): Promise<never> {
  const free = await nextFree(port);
  const hint = free === undefined ? '' : `port ${free} is free: use --port ${free}, or `;
  throw cliError(
    'CLI_PORT_BUSY',
    `port ${port} for ${service} is in use; ${hint}--isolated takes free ports for all`,
  );
}

async function nextFree(after: number): Promise<number | undefined> {
  for (let port = after + 1; port <= Math.min(after + SEARCH, 65_535); port += 1) {
    if ((await probePort(port)) !== undefined) return port;
  }
  return undefined;
}
