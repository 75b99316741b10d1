import { decodeBody, integer, list, object, optional, text } from '../decode/decoder.ts';
import {
  expectMay,
  Refusal,
  type RegistryRequest,
  type RegistryResponse,
  type RegistryRoute,
} from '../http/exchange.ts';
import { checkCommon } from '../http/query.ts';
import type { Entry } from '../state/kv.ts';
import type { RouteDeps } from './deps.ts';
import { acquireLock, kvEntry } from './kv.ts';

const MAX_OPERATIONS = 128;
const operation = object(
  {
    Verb: text,
    Key: text,
    Value: text,
    Flags: integer,
    Index: integer,
    Session: text,
    Namespace: text,
    Partition: text,
  },
  { mayHaveMore: true },
);
const body = list(
  object({
    KV: optional(operation),
    Node: (value) => value,
    Service: (value) => value,
    Check: (value) => value,
    Session: (value) => value,
  }),
);

type Operation = NonNullable<ReturnType<typeof body>[number]['KV']>;

const WRITES = ['set', 'cas', 'lock', 'unlock', 'delete', 'delete-tree', 'delete-cas'];

/** Several operations on keys, all or none. */
export function txnRoutes(deps: RouteDeps): readonly RegistryRoute[] {
  return [
    {
      method: 'PUT',
      path: '/v1/txn',
      maxBodyBytes: 2 * 512 * 1024,
      respond: (request) => transact(request, deps),
    },
  ];
}

function transact({ body: bytes, query, caller }: RegistryRequest, deps: RouteDeps): RegistryResponse {
  checkCommon(query);
  const read = decodeBody(body, bytes);
  if (!read.ok) throw new Refusal(400, `Failed to parse body: ${read.rejection}`);
  if (read.value.length > MAX_OPERATIONS)
    throw new Refusal(
      413,
      `Transaction contains too many operations (${read.value.length} > ${MAX_OPERATIONS})`,
    );
  const operations = read.value.map(({ KV }) => {
    if (KV === undefined) throw new Refusal(501, 'This registry has transactions of keys only');
    if (WRITES.includes(KV.Verb)) expectMay(caller, 'key', KV.Key);
    return KV;
  });
  // Nothing else runs in between: what all operations need is looked at first, then they are carried out.
  const view = createView(deps.kv);
  const errors = operations.flatMap((one, position) => {
    const verb = VERBS[one.Verb];
    const problem = verb ? verb.problem(one, view, deps) : `unknown KV verb ${JSON.stringify(one.Verb)}`;
    verb?.foresee?.(one, view);
    return problem === undefined ? [] : [{ OpIndex: position, What: problem }];
  });
  if (errors.length > 0) return { status: 409, json: { Results: null, Errors: errors } };
  const results = operations.flatMap((one) => VERBS[one.Verb]?.run(one, deps) ?? []);
  return { status: 200, json: { Results: results.map((entry) => ({ KV: kvEntry(entry) })), Errors: null } };
}

interface Verb {
  /** Why it cannot be carried out. */
  problem(operation: Operation, view: View, deps: RouteDeps): string | undefined;
  /** What later operations will find. */
  foresee?(operation: Operation, view: View): void;
  /** What it gives. */
  run(operation: Operation, deps: RouteDeps): readonly Entry[];
}

type Seen = Pick<Entry, 'session' | 'modifyIndex'>;

/** The keys as the operations before have left them. */
interface View {
  get(key: string): Seen | undefined;
  set(key: string, session?: string): void;
  delete(key: string): void;
}

function createView(kv: RouteDeps['kv']): View {
  const changed = new Map<string, Seen | undefined>();
  const get = (key: string) => (changed.has(key) ? changed.get(key) : kv.get(key));
  return {
    get,
    // Its index comes into being when it is written: no operation can know it.
    set: (key, session = get(key)?.session ?? '') => changed.set(key, { session, modifyIndex: -1 }),
    delete: (key) => changed.set(key, undefined),
  };
}

const named = (key: string) => `key ${JSON.stringify(key)}`;
const fine = () => undefined;
const isStale = ({ Key, Index }: Operation, view: View) => (view.get(Key)?.modifyIndex ?? 0) !== Index;
const entryOf = ({ Key }: Operation, { kv }: RouteDeps): readonly Entry[] => [kv.get(Key) ?? []].flat();
const change = ({ Value, Flags }: Operation) => ({
  value: Buffer.from(Value, 'base64'),
  flags: BigInt(Flags),
});
const sets: Verb['foresee'] = ({ Key }, view) => view.set(Key);
const deletes: Verb['foresee'] = ({ Key }, view) => view.delete(Key);

/** Carries it out, and gives what has become of the entry. */
function writing(write: (operation: Operation, deps: RouteDeps) => unknown): Verb['run'] {
  return (operation, deps) => {
    write(operation, deps);
    return entryOf(operation, deps);
  };
}

const staleToSet: Verb['problem'] = (one, view) =>
  isStale(one, view) ? `failed to set ${named(one.Key)}, index is stale` : undefined;

const VERBS: Readonly<Record<string, Verb>> = {
  set: { problem: fine, foresee: sets, run: writing((one, { kv }) => kv.put(one.Key, change(one))) },
  cas: {
    problem: staleToSet,
    foresee: sets,
    run: writing((one, { kv }) => kv.compareAndSet(one.Key, change(one), one.Index)),
  },
  lock: {
    problem: lockProblem,
    foresee: ({ Key, Session }, view) => view.set(Key, Session),
    run: writing((one, deps) => acquireLock(one.Key, change(one), one.Session, deps)),
  },
  unlock: {
    problem: ({ Key, Session }, view) =>
      view.get(Key)?.session === Session
        ? undefined
        : `failed to unlock ${named(Key)}, lock isn't held, or is held by another session`,
    foresee: ({ Key }, view) => view.set(Key, ''),
    run: writing((one, { kv }) => kv.release(one.Key, change(one), one.Session)),
  },
  get: {
    problem: ({ Key }, view) => (view.get(Key) === undefined ? `${named(Key)} doesn't exist` : undefined),
    run: entryOf,
  },
  'get-tree': { problem: fine, run: ({ Key }, { kv }) => kv.list(Key) },
  'check-index': { problem: staleToSet, run: entryOf },
  'check-session': {
    problem: ({ Key, Session }, view) =>
      view.get(Key)?.session === Session ? undefined : `${named(Key)} is not held by ${Session}`,
    run: entryOf,
  },
  'check-not-exists': {
    problem: ({ Key }, view) => (view.get(Key) === undefined ? undefined : `${named(Key)} exists`),
    run: () => [],
  },
  delete: { problem: fine, foresee: deletes, run: writing(({ Key }, { kv }) => kv.delete(Key)) },
  'delete-tree': { problem: fine, run: writing(({ Key }, { kv }) => kv.deletePrefix(Key)) },
  'delete-cas': {
    problem: (one, view) =>
      view.get(one.Key) !== undefined && isStale(one, view)
        ? `failed to delete ${named(one.Key)}, index is stale`
        : undefined,
    foresee: deletes,
    run: writing(({ Key }, { kv }) => kv.delete(Key)),
  },
};

function lockProblem({ Key, Session }: Operation, view: View, { sessions }: RouteDeps): string | undefined {
  if (sessions.get(Session) === undefined) return `invalid session ${JSON.stringify(Session)}`;
  const holder = view.get(Key)?.session ?? '';
  const isFree = holder === '' || holder === Session;
  return isFree && sessions.lockDelayMs(Key) === 0
    ? undefined
    : `failed to lock ${named(Key)}, lock is already held`;
}
