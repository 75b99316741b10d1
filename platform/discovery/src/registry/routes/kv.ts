import {
  expectMay,
  flagIn,
  Refusal,
  type RegistryRequest,
  type RegistryResponse,
  type RegistryRoute,
} from '../http/exchange.ts';
import { checkCommon, parseBlocking } from '../http/query.ts';
import type { Entry } from '../state/kv.ts';
import type { RouteDeps } from './deps.ts';

const MAX_VALUE_BYTES = 512 * 1024;
const MISSING_KEY = 'Missing key name';

/** Keys and values. */
export function kvRoutes(deps: RouteDeps): readonly RegistryRoute[] {
  return [
    { method: 'GET', path: '/v1/kv/', respond: (request) => read(request, deps) },
    {
      method: 'PUT',
      path: '/v1/kv/',
      maxBodyBytes: MAX_VALUE_BYTES,
      respond: (request) => ({ status: 200, json: write(request, deps) }),
    },
    {
      method: 'DELETE',
      path: '/v1/kv/',
      respond: (request) => ({ status: 200, json: remove(request, deps) }),
    },
  ];
}

async function read(request: RegistryRequest, { kv, random }: RouteDeps): Promise<RegistryResponse> {
  const { query, argument: key, signal } = request;
  checkCommon(query);
  const isKeys = flagIn(query, 'keys');
  const isPrefix = isKeys || flagIn(query, 'recurse');
  if (key === '' && !isPrefix) throw new Refusal(400, MISSING_KEY);
  const { index: seen, waitMs } = parseBlocking(query);
  if (seen > 0) await kv.wait(key, isPrefix, seen, waitMs * (1 + random() / 16), signal);
  const index = kv.index(key, isPrefix);
  const single = kv.get(key);
  const entries = isPrefix ? kv.list(key) : single === undefined ? [] : [single];
  const [first] = entries;
  if (first === undefined) return { status: 404, index };
  if (isKeys) return { status: 200, json: keysOf(entries, key, query.get('separator') ?? ''), index };
  if (flagIn(query, 'raw') && !isPrefix) return { status: 200, bytes: first.value, index };
  return { status: 200, json: entries.map(kvEntry), index };
}

/** With a separator, what comes behind the first one after the prefix is left out. */
function keysOf(entries: readonly Entry[], prefix: string, separator: string): readonly string[] {
  const keys = entries.map(({ key }) => {
    const at = separator === '' ? -1 : key.indexOf(separator, prefix.length);
    return at < 0 ? key : key.slice(0, at + separator.length);
  });
  return [...new Set(keys)];
}

export function kvEntry(entry: Entry): object {
  return {
    LockIndex: entry.lockIndex,
    Key: entry.key,
    Flags: rawNumber(entry.flags),
    Value: entry.value.length === 0 ? null : entry.value.toString('base64'),
    ...(entry.session !== '' && { Session: entry.session }),
    CreateIndex: entry.createIndex,
    ModifyIndex: entry.modifyIndex,
  };
}

function write({ query, argument: key, body, caller }: RegistryRequest, deps: RouteDeps): boolean {
  checkCommon(query);
  if (key === '') throw new Refusal(400, MISSING_KEY);
  expectOne(query, ['cas', 'acquire', 'release']);
  expectMay(caller, 'key', key);
  const flags = flagsIn(query);
  const cas = numberIn(query, 'cas');
  const change = { value: body, flags };
  if (cas !== undefined) return deps.kv.compareAndSet(key, change, cas);
  const acquire = query.get('acquire');
  if (acquire !== null) return acquireLock(key, change, acquire, deps);
  const release = query.get('release');
  if (release !== null) return deps.kv.release(key, change, existing(release, deps));
  deps.kv.put(key, change);
  return true;
}

export function acquireLock(
  key: string,
  change: { readonly value: Buffer; readonly flags: bigint },
  session: string,
  deps: RouteDeps,
): boolean {
  const holder = existing(session, deps);
  return deps.sessions.lockDelayMs(key) === 0 && deps.kv.acquire(key, change, holder);
}

function existing(session: string, { sessions }: RouteDeps): string {
  if (sessions.get(session) === undefined)
    throw new Refusal(500, `invalid session ${JSON.stringify(session)}`);
  return session;
}

function remove({ query, argument: key, caller }: RegistryRequest, { kv }: RouteDeps): boolean {
  checkCommon(query);
  expectOne(query, ['recurse', 'cas']);
  const isPrefix = flagIn(query, 'recurse');
  if (key === '' && !isPrefix) throw new Refusal(400, MISSING_KEY);
  expectMay(caller, 'key', key);
  const cas = numberIn(query, 'cas');
  if (cas !== undefined) return kv.compareAndDelete(key, cas);
  if (isPrefix) kv.deletePrefix(key);
  else kv.delete(key);
  return true;
}

function expectOne(query: URLSearchParams, names: readonly string[]): void {
  const given = names.filter((name) => query.has(name));
  if (given.length > 1) throw new Refusal(400, `Conflicting flags: ${query.toString()}`);
}

function flagsIn(query: URLSearchParams): bigint {
  const text = query.get('flags') || '0';
  if (!/^\d{1,20}$/.test(text)) throw new Refusal(400, 'Invalid value for ?flags');
  return BigInt(text);
}

/** More digits than a number has are kept. */
function rawNumber(value: bigint): unknown {
  return (JSON as unknown as { rawJSON(text: string): unknown }).rawJSON(String(value));
}

function numberIn(query: URLSearchParams, name: string): number | undefined {
  const text = query.get(name);
  if (text === null) return undefined;
  if (!/^\d{1,16}$/.test(text)) throw new Refusal(400, `Invalid value for ?${name}`);
  return Number(text);
}
