import { randomInt } from 'node:crypto';
import { once } from 'node:events';
import { createServer } from 'node:net';
import { CONSOLE, type SystemConfig, TELEMETRY } from '../config.ts';
import { cliError } from '../errors.ts';

const HOST = '127.0.0.1';
const SEARCH = 100;

/** Below the range from which systems take ports for outgoing connections: one of those may be taken before it is bound. */
const LOWEST_FREE = 20_000;
const HIGHEST_FREE = 32_000;

/** A free port that nobody gets by chance until it is bound. `undefined` when none was found. */
export async function findFreePort(): Promise<number | undefined> {
  for (let attempt = 0; attempt < SEARCH; attempt += 1) {
    const port = await probePort(randomInt(LOWEST_FREE, HIGHEST_FREE));
    if (port !== undefined) return port;
  }
  return undefined;
}

/** The port that was bound and let go again, or `undefined` if it is taken. */
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

/** The port of every service with a fixed one, and of what runs beside them. Fails with `CLI_PORT_BUSY`, naming a free one. */
export async function assignPorts(
  system: SystemConfig,
  wishes: PortWishes,
): Promise<Readonly<Record<string, number>>> {
  const edges = Object.entries(system.services).filter(([, service]) => service.port !== undefined);
  const ports: Record<string, number> = {};
  for (const [index, [name, service]] of edges.entries()) {
    const given = index === 0 ? wishes.port : undefined;
    const wanted = given ?? service.port ?? 0;
    const found = wishes.isolated && given === undefined ? findFreePort() : probePort(wanted);
    ports[name] = (await found) ?? (await refuse(name, wanted));
  }
  if (system.telemetry) ports[TELEMETRY] = await portOf(TELEMETRY, system.telemetry.port, wishes);
  if (system.console) ports[CONSOLE] = await portOf(CONSOLE, system.console.port, wishes);
  return ports;
}

/** Of a process of the platform, whose port is any free one unless it was declared. */
async function portOf(name: string, declared: number | undefined, { isolated }: PortWishes): Promise<number> {
  const found = declared === undefined || isolated ? findFreePort() : probePort(declared);
  return (await found) ?? (await refuse(name, declared ?? 0));
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
