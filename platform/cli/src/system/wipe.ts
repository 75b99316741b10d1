import { once } from 'node:events';
import { readdir, rm, rmdir } from 'node:fs/promises';
import { createServer } from 'node:http';
import { basename, join } from 'node:path';
import { isPlatformError } from '@flotilla/kernel';
import {
  deprovision,
  findProvisioned,
  identifyServer,
  type Provisioned,
  type ProvisionPlan,
} from '@flotilla/postgres';
import { hasEmbeddedPostgres, removeEmbeddedPostgres } from '@flotilla/postgres/embedded';
import type { Invocation } from '../command-line/command.ts';
import { claimSocket } from '../control/socket.ts';
import { createSocketFolder, type DataDir } from '../data-dir/data-dir.ts';
import { changeMark, foreign, isOlder, type Mark, readMark } from '../data-dir/data-dir-mark.ts';
import { openSecrets, type Secrets } from '../data-dir/secrets.ts';
import { cliError } from '../errors.ts';
import { findRoot, loadSystem } from '../load-system.ts';
import { findOnBrokers, type OnBroker } from './broker.ts';
import { provisionPlan } from './service-environment.ts';

/** What is to be deleted, for the user, and how. */
export interface Wipe {
  readonly what: readonly string[];
  /** The system must have stopped. */
  carryOut(): Promise<void>;
}

interface OnServer {
  readonly adminUri: string;
  readonly id: string;
  readonly address: string;
  readonly plan: ProvisionPlan;
  readonly found: Provisioned;
}

/**
 * Finds everything that the system of this data directory made, where it made it. `undefined` when the folder is not
 * there, or empty. Fails when the folder is not ours (`CLI_DATA_DIR_FOREIGN`), and when databases are on a server
 * that `DATABASE_URL` does not name or queues on a broker that is away (`CLI_DATA_ELSEWHERE`): with the folder the only
 * key to them would go.
 */
export async function prepareWipe(dataDir: DataDir, invocation: Invocation): Promise<Wipe | undefined> {
  if ((await entriesOf(dataDir.path)).length === 0) return undefined;
  const mark = await readMark(dataDir);
  if (mark === undefined && !(await isOlder(dataDir))) throw foreign(dataDir);
  const embedded = await hasEmbeddedPostgres(dataDir.postgresData);
  const server = await findOnServer(dataDir, mark, invocation);
  const elsewhere = (mark?.servers ?? []).filter(({ id }) => id !== server?.id);
  const isUnknown = mark === undefined && !embedded && server === undefined;
  if (isUnknown || (elsewhere.length > 0 && !isIn(mark, server))) throw inUse(dataDir, elsewhere);
  const onBrokers = await onItsBrokers(mark, invocation);
  return {
    what: [
      ...(server === undefined ? [] : describe(server)),
      ...(embedded ? [`the embedded PostgreSQL in ${dataDir.postgresData} with all its databases`] : []),
      ...onBrokers.flatMap(({ what }) => what),
      `logs, secrets and caches in ${dataDir.path}`,
    ],
    carryOut: () => alone(dataDir, () => deleteAll(dataDir, onBrokers, server, elsewhere)),
  };
}

async function entriesOf(folder: string): Promise<readonly string[]> {
  return await readdir(folder).catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return [];
    throw error;
  });
}

function isIn(mark: Mark | undefined, server: OnServer | undefined): boolean {
  return mark?.servers.some(({ id }) => id === server?.id) === true;
}

function describe({ address, found }: OnServer): readonly string[] {
  const { databases, roles } = found;
  if (databases.length + roles.length === 0) return [];
  return [`on ${address} the databases ${databases.join(', ')} and the roles ${roles.join(', ')}`];
}

function inUse(dataDir: DataDir, servers: Mark['servers']): Error {
  const where = servers.map(({ address }) => address).join(', ') || 'the server that it was started with';
  return cliError(
    'CLI_DATA_ELSEWHERE',
    `databases of this system are on ${where}: set DATABASE_URL to its administrator's URI. If that server is gone for ever, delete ${dataDir.path} by hand. Nothing was changed here`,
  );
}

async function findOnServer(
  dataDir: DataDir,
  mark: Mark | undefined,
  { cwd, env }: Invocation,
): Promise<OnServer | undefined> {
  const adminUri = env['DATABASE_URL'];
  if (!adminUri || mark?.servers.length === 0) return undefined; // nothing was made on any
  const secrets = await secretsIfReadable(dataDir);
  const systemId = mark?.systemId;
  if (secrets === undefined && systemId === undefined) return undefined;
  const plan = secrets
    ? provisionPlan(await loadSystem(findRoot(cwd)), secrets)
    : { systemId: systemId ?? '', roles: [], databases: [] };
  const [server, found] = await Promise.all([identifyServer(adminUri), findProvisioned(adminUri, plan)]);
  return { adminUri, plan, found, ...server };
}

async function onItsBrokers(mark: Mark | undefined, { cwd, env }: Invocation): Promise<readonly OnBroker[]> {
  // Nothing is claimed before the id is noted.
  if (mark?.systemId === undefined || mark.brokers.length === 0) return [];
  const user = { system: await loadSystem(findRoot(cwd)), systemId: mark.systemId, mark };
  return await findOnBrokers(user, env['RABBITMQ_URL']);
}

/** To begin afresh is the remedy for secrets that were lost. */
async function secretsIfReadable(dataDir: DataDir): Promise<Secrets | undefined> {
  try {
    const secrets = await openSecrets(dataDir.secretsFile);
    return secrets.areNew ? undefined : secrets;
  } catch (error) {
    if (isPlatformError(error) && error.code === 'CLI_SECRETS_UNREADABLE') return undefined;
    throw error;
  }
}

/** Nobody can start the system meanwhile. */
async function alone(dataDir: DataDir, work: () => Promise<void>): Promise<void> {
  const busy = { code: 'CLI_NOT_RUNNING', message: 'its data are being deleted' };
  const holder = createServer((_, response) => response.writeHead(503).end(JSON.stringify(busy)));
  await createSocketFolder(dataDir);
  if (!(await claimSocket(holder, dataDir.controlSocket)))
    throw cliError('CLI_ALREADY_RUNNING', `it was started again in ${dataDir.path}`);
  try {
    await work();
  } finally {
    holder.close();
    holder.closeAllConnections();
    await once(holder, 'close');
  }
  await rm(dataDir.markFile, { force: true });
  await removeIfEmpty(dataDir.path);
}

/** The messages and the data first, then the secrets that they are locked with; the mark at the very end: whatever interrupts it, it can go on. */
async function deleteAll(
  dataDir: DataDir,
  onBrokers: readonly OnBroker[],
  server: OnServer | undefined,
  elsewhere: Mark['servers'],
): Promise<void> {
  for (const { broker, delete: deleteThere } of onBrokers) {
    await deleteThere();
    await changeMark(dataDir, ({ brokers }) => ({ brokers: brokers.filter((one) => one !== broker) }));
  }
  if (server !== undefined) {
    await deprovision(server.adminUri, server.plan);
    await changeMark(dataDir, ({ servers }) => ({ servers: servers.filter(({ id }) => id !== server.id) }));
  }
  if (elsewhere.length > 0) throw inUse(dataDir, elsewhere);
  await removeEmbeddedPostgres(dataDir.postgresData);
  await removeIfEmpty(join(dataDir.path, 'postgres'));
  await removeMatching(dataDir.logs, /^[a-z0-9-]+-\d+\.log(\.1(\.[0-9a-f]{8})?)?$/);
  await removeIfEmpty(dataDir.logs);
  await removeMatching(dataDir.path, OWN_ENTRIES);
  await rm(dataDir.secretsFile, { force: true });
}

/** With what writers that were killed left beside; not the mark itself. What else lies there is somebody's. */
const OWN_ENTRIES = /^(compile-cache|(secrets|flotilla)\.json\.[0-9a-f]{8}|control\.sock\.[0-9a-f]{8})$/;

async function removeMatching(folder: string, pattern: RegExp): Promise<void> {
  const names = (await entriesOf(folder)).filter((name) => pattern.test(basename(name)));
  for (const name of names) await rm(join(folder, name), { recursive: true });
}

async function removeIfEmpty(folder: string): Promise<void> {
  await rmdir(folder).catch((error: NodeJS.ErrnoException) => {
    if (!['ENOENT', 'ENOTEMPTY', 'EEXIST'].includes(error.code ?? '')) throw error;
  });
}
