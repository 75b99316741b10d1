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

const ALWAYS: ReadonlySet<string> = new Set([
  ...HOP_BY_HOP,
  // written anew by the gateway
  'host',
  'content-length',
  'traceparent',
  'x-request-deadline',
  'client-cert',
  'client-cert-chain',
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
  // an environment variable of programs that are no proxies
  'proxy',
]);

/** Who somebody is. */
const IDENTITY: ReadonlySet<string> = new Set([
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
]);

/** Another path, host or method than those that were decided on. */
const OVERRIDES: ReadonlySet<string> = new Set([
  'x-original-url',
  'x-original-uri',
  'x-original-host',
  'x-rewrite-url',
  'x-host',
  'x-http-host-override',
  'x-http-method-override',
  'x-http-method',
  'x-method-override',
]);

const ALWAYS_PREFIXES = ['x-internal-', 'x-gateway-', 'x-forwarded-'] as const;

/** Dropped when spelt with an underscore; passed when spelt right. */
const ONLY_WITH_DASH: ReadonlySet<string> = new Set(['authorization', 'cookie']);

/** Whether a request field (lower case) may go to a back end, and on what that depends. */
export function reservedAs(name: string): FieldName['reserved'] {
  const dashed = name.includes('_') ? name.replaceAll('_', '-') : name;
  if (ALWAYS.has(dashed) || (dashed !== name && ONLY_WITH_DASH.has(dashed))) return 'always';
  if (ALWAYS_PREFIXES.some((prefix) => dashed.startsWith(prefix))) return 'always';
  if (IDENTITY.has(dashed)) return 'identity';
  return OVERRIDES.has(dashed) ? 'override' : 'no';
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
    reserved: reservedAs(lower),
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
