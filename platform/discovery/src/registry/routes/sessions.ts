import { type Decoder, decodeBody, duration, list, object, text } from '../decode/decoder.ts';
import {
  expectMay,
  Refusal,
  type RegistryRequest,
  type RegistryResponse,
  type RegistryRoute,
} from '../http/exchange.ts';
import { blocking, checkCommon } from '../http/query.ts';
import { SESSIONS, type Session } from '../state/sessions.ts';
import type { RouteDeps } from './deps.ts';

const DEFAULT_LOCK_DELAY_MS = 15_000;
const MAX_LOCK_DELAY_MS = 60_000;
const MIN_TTL_MS = 10_000;
const MAX_TTL_MS = 86_400_000;

/** Below 1,000 a number of seconds, from there on one of nanoseconds: as Consul reads it. */
const lockDelay: Decoder<number> = (value, path) => {
  if (value === undefined || value === null) return DEFAULT_LOCK_DELAY_MS;
  return typeof value === 'number' && value < 1_000 ? value * 1_000 : duration(value, path);
};

const createBody = object(
  {
    Name: text,
    Node: text,
    LockDelay: lockDelay,
    TTL: (value, path) => duration(text(value, path), path),
    Behavior: text,
    Checks: (value, path) => (value === undefined || value === null ? undefined : list(text)(value, path)),
    NodeChecks: (value, path) =>
      value === undefined || value === null ? undefined : list(text)(value, path),
    ServiceChecks: list(object({ ID: text, Namespace: text })),
  },
  { mayHaveMore: true },
);

/** Sessions, which hold keys. */
export function sessionRoutes(deps: RouteDeps): readonly RegistryRoute[] {
  const { sessions } = deps;
  const listed = (request: RegistryRequest, isWanted: (session: Session) => boolean) =>
    blocking(request, [SESSIONS], deps, () => ({ json: sessions.list().filter(isWanted).map(sessionEntry) }));
  return [
    { method: 'PUT', path: '/v1/session/create', respond: (request) => create(request, deps) },
    {
      method: 'PUT',
      path: '/v1/session/destroy/',
      respond: ({ argument, query, caller }) => {
        checkCommon(query);
        if (argument === '') throw new Refusal(400, 'Missing session');
        expectMay(caller, 'session', sessions.get(argument)?.node ?? deps.agent.node);
        sessions.destroy(argument);
        return { status: 200, json: true };
      },
    },
    {
      method: 'PUT',
      path: '/v1/session/renew/',
      respond: ({ argument, query, caller }) => {
        checkCommon(query);
        if (argument === '') throw new Refusal(400, 'Missing session');
        expectMay(caller, 'session', sessions.get(argument)?.node ?? deps.agent.node);
        const session = sessions.renew(argument);
        if (session === undefined) throw new Refusal(404, `Session id '${argument}' not found`);
        return { status: 200, json: [sessionEntry(session)] };
      },
    },
    {
      method: 'GET',
      path: '/v1/session/info/',
      respond: (request) => {
        if (request.argument === '') throw new Refusal(400, 'Missing session');
        return listed(request, ({ id }) => id === request.argument);
      },
    },
    {
      method: 'GET',
      path: '/v1/session/node/',
      respond: (request) => {
        if (request.argument === '') throw new Refusal(400, 'Missing node name');
        return listed(request, ({ node }) => node.toLowerCase() === request.argument.toLowerCase());
      },
    },
    { method: 'GET', path: '/v1/session/list', respond: (request) => listed(request, () => true) },
  ];
}

function create(
  { body, query, caller }: RegistryRequest,
  { sessions, agent, newId }: RouteDeps,
): RegistryResponse {
  checkCommon(query);
  const read = decodeBody(createBody, body.length === 0 ? Buffer.from('{}') : body);
  if (!read.ok) throw new Refusal(400, `Request decode failed: ${read.rejection}`);
  const { Name: name, Node, LockDelay, TTL: ttlMs, Behavior, Checks, NodeChecks, ServiceChecks } = read.value;
  const node = Node || agent.node;
  expectMay(caller, 'session', node);
  if (ttlMs !== 0 && (ttlMs < MIN_TTL_MS || ttlMs > MAX_TTL_MS))
    throw new Refusal(400, `Invalid Session TTL '${ttlMs * 1e6}', must be between [10s=24h0m0s]`);
  const behavior = Behavior || 'release';
  if (behavior !== 'release' && behavior !== 'delete')
    throw new Refusal(500, `Invalid Behavior setting '${behavior}'`);
  const session = sessions.create(newId(), {
    name,
    node,
    ttlMs,
    behavior,
    lockDelayMs: Math.min(MAX_LOCK_DELAY_MS, LockDelay),
    nodeChecks: NodeChecks ?? Checks ?? ['serfHealth'],
    serviceChecks: ServiceChecks,
  });
  if (typeof session === 'string') throw new Refusal(500, session);
  return { status: 200, json: { ID: session.id } };
}

function sessionEntry(session: Session): object {
  return {
    ID: session.id,
    Name: session.name,
    Node: session.node,
    LockDelay: session.lockDelayMs * 1e6,
    Behavior: session.behavior,
    TTL: session.ttlMs === 0 ? '' : `${session.ttlMs / 1_000}s`,
    NodeChecks: session.nodeChecks,
    ServiceChecks: session.serviceChecks.length === 0 ? null : session.serviceChecks,
    CreateIndex: session.createIndex,
    ModifyIndex: session.modifyIndex,
  };
}
