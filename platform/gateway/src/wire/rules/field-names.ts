import type { FieldName } from './fields.ts';

// What a client must not be able to hand to a back end. Names are compared in lower case with `_` read as `-`,
// because many servers turn both into the same variable.

/** Belong to one connection, RFC 9110 §7.6.1. */
export const HOP_BY_HOP: ReadonlySet<string> = new Set([
  'connection',
  'keep-alive',
  'proxy-connection',
  'proxy-authenticate',
  'proxy-authorization',
  'te',
  'trailer',
  'transfer-encoding',
  'upgrade',
  'http2-settings',
  'expect',
]);

const REMOVED: ReadonlySet<string> = new Set([
  ...HOP_BY_HOP,
  // written anew by the gateway
  'host',
  'content-length',
  'traceparent',
  'x-request-deadline',
  // identity, only ever set by a gateway
  'x-user-id',
  'x-user',
  'x-user-name',
  'x-user-email',
  'x-user-roles',
  'x-roles',
  'x-role',
  'x-groups',
  'x-scopes',
  'x-tenant-id',
  'x-tenant',
  'x-subject',
  'x-authenticated-user',
  'x-auth-user',
  'x-remote-user',
  'remote-user',
  // where the client claims to come from
  'forwarded',
  'x-real-ip',
  'x-client-ip',
  'x-cluster-client-ip',
  'true-client-ip',
  'cf-connecting-ip',
  'fastly-client-ip',
  'x-originating-ip',
  'x-remote-ip',
  'x-remote-addr',
  'client-ip',
  // overrides of what was decided on
  'x-original-url',
  'x-original-uri',
  'x-original-host',
  'x-rewrite-url',
  'x-host',
  'x-http-host-override',
  'x-http-method-override',
  'x-http-method',
  'x-method-override',
  'proxy',
]);

const REMOVED_PREFIXES = ['x-internal-', 'x-gateway-', 'x-forwarded-'] as const;

/** Dropped when spelt with an underscore; passed when spelt right. */
const ONLY_WITH_DASH: ReadonlySet<string> = new Set(['authorization', 'cookie']);

/** May this request field (lower case) go to a back end? */
export function mayForward(name: string): boolean {
  const dashed = name.includes('_') ? name.replaceAll('_', '-') : name;
  if (REMOVED.has(dashed) || (dashed !== name && ONLY_WITH_DASH.has(dashed))) return false;
  return !REMOVED_PREFIXES.some((prefix) => dashed.startsWith(prefix));
}

const MAX_INTERNED = 4_096;
const interned = new Map<string, FieldName>();

/** The interned name. What clients make up beyond 4,096 spellings is not kept. */
export function fieldName(text: string): FieldName {
  const known = interned.get(text);
  if (known !== undefined) return known;
  // A copy: the text is a part of a whole head, which would stay in memory as long as the name does.
  const own = Buffer.from(text).toString();
  const lower = own.toLowerCase();
  const name: FieldName = {
    text: own,
    lower,
    dashed: lower.replaceAll('_', '-'),
    isHopByHop: HOP_BY_HOP.has(lower),
    isReserved: !mayForward(lower),
    isSingle: SINGLE.has(lower),
  };
  if (interned.size < MAX_INTERNED && text.length <= 64) interned.set(own, name);
  return name;
}

/** A second line of these makes a request ambiguous. */
export const SINGLE: ReadonlySet<string> = new Set([
  'host',
  'authorization',
  'content-length',
  'content-type',
  'transfer-encoding',
  'expect',
  'idempotency-key',
  'origin',
  'range',
  'sec-websocket-key',
  'sec-websocket-version',
]);
