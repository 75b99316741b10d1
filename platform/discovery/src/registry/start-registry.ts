import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { createServer } from 'node:http';
import { createAcl, type RegistryToken } from './acl.ts';
import { type Agent, createAgent } from './agent.ts';
import { serve } from './http/serve.ts';
import { registryRoutes } from './registry-routes.ts';
import { absenceOf } from './routes/absent.ts';
import { createAlarms } from './state/alarms.ts';
import { type Catalog, createCatalog } from './state/catalog.ts';
import { createKeyValues } from './state/kv.ts';
import { createSessions } from './state/sessions.ts';
import { createTopics } from './state/topics.ts';

export interface RegistryOptions {
  /** Loopback only unless you know better: everybody who reaches it may read. Default `127.0.0.1`. */
  readonly host?: string;
  /** 0 takes any free port. */
  readonly port: number;
  /** Who may write, and what. Absent: everybody everything, as a Consul without ACLs. */
  readonly tokens?: readonly RegistryToken[];
}

export interface Registry {
  readonly url: string;
  /** For whoever hosts it and knows that an instance has ended. */
  deregister(id: string): void;
  /** Responds to all held requests, then stops. */
  close(): Promise<void>;
}

/** It must be a name that can be connected to: Ocelot takes it for the host of every instance. */
const NODE = 'localhost';
const NODE_ID = '00000000-0000-0000-0000-000000000001';
const REAP_EVERY_MS = 30_000;
const SESSION_CHECK_EVERY_MS = 500;

/**
 * The embedded registry: Consul's HTTP API for services, health, keys and sessions, in memory. It forgets everything when
 * it ends; `register` announces its instances again. Indexes begin at the epoch in milliseconds, so that they never go
 * backwards over a restart.
 */
export async function startRegistry(options: RegistryOptions): Promise<Registry> {
  const { host = '127.0.0.1', port } = options;
  const nowMs = () => Date.now();
  const random = Math.random;
  const alarms = createAlarms(nowMs);
  const topics = createTopics(nowMs(), alarms);
  const catalog = createCatalog(topics);
  const kv = createKeyValues(topics);
  const sessions = createSessions({ topics, alarms, kv, catalog, nowMs });
  const agent = createAgent({ node: NODE, catalog, alarms, random, nowMs });
  let listeningPort = port;
  const address = () => `${host}:${listeningPort}`;
  const newId = () => randomUUID();
  const routes = registryRoutes({ agent, catalog, kv, sessions, topics, random, newId, address });
  const identify = createAcl(options.tokens);
  const server = createServer({ requestTimeout: 10_000 }, (request, response) => {
    serve({ routes, identify, absenceOf }, request, response).catch(() => response.destroy());
  });
  server.listen(port, host);
  await once(server, 'listening');
  const listening = server.address();
  if (typeof listening === 'object' && listening !== null) listeningPort = listening.port;
  announceNode(catalog, agent, host, listeningPort);
  const timers = [
    setInterval(agent.reap, REAP_EVERY_MS).unref(),
    setInterval(sessions.checkHealth, SESSION_CHECK_EVERY_MS).unref(),
  ];
  return {
    url: `http://${host}:${listeningPort}`,
    deregister: agent.deregister,
    close: async () => {
      timers.forEach(clearInterval);
      agent.close();
      const closed = once(server, 'close');
      server.close();
      topics.releaseAll();
      server.closeIdleConnections();
      setTimeout(() => server.closeAllConnections(), 1_000).unref();
      await closed;
      alarms.close();
    },
  };
}

/** The node of this process, its health and itself as a service, as every Consul server has them. */
function announceNode(catalog: Catalog, { node }: Agent, host: string, port: number): void {
  const address = host === '0.0.0.0' || host === '::' ? '127.0.0.1' : host;
  const taggedAddresses = { lan: address, wan: address };
  catalog.putNode({ id: NODE_ID, name: node, address, taggedAddresses, meta: {} });
  const serf = { id: 'serfHealth', name: 'Serf Health Status', notes: '', serviceId: '' };
  const facts = { ...serf, type: '', interval: '', timeout: '' };
  catalog.putCheck(node, facts, 'passing', 'Agent alive and reachable');
  catalog.putService(node, {
    id: 'consul',
    name: 'consul',
    tags: [],
    address: '',
    port,
    meta: {},
    taggedAddresses: {},
    enableTagOverride: false,
    weights: { Passing: 1, Warning: 1 },
    kind: '',
    proxy: {},
    connect: {},
    socketPath: '',
    locality: undefined,
  });
}
