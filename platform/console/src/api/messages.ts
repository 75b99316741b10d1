import { isRecord } from '@flotilla/kernel';
import type { DeadLetter, DeadLetterFilter, DeadLetters } from '@flotilla/messaging';
import type { ConsoleDeps } from '../deps.ts';
import { consoleError } from '../errors.ts';
import { recordChange } from './change.ts';
import { oneOf, reasonOf, textOf } from './input.ts';
import { part } from './partial.ts';
import type { ApiRequest } from './routes.ts';

const SHOWN = 200;

export interface LetterGroup {
  readonly service: string;
  readonly type: string;
  readonly cause: string;
  readonly count: number;
  readonly newest: Date;
}

/** Queues, what waits in the outboxes, and what was given up, by cause. */
export async function readMessages(deps: ConsoleDeps): Promise<object> {
  const [queues, outboxes, letters] = await Promise.all([
    part(deps.queues),
    Promise.all(
      deps.withOutboxes.map(async (service) => ({
        service,
        found: await part(() => deps.inDatabase(service, deps.outbox)),
      })),
    ),
    Promise.all(
      deps.withDeadLetters.map(async (service) => ({
        service,
        found: await part(() => listLetters(deps, service, {})),
      })),
    ),
  ]);
  const groups = letters.flatMap(({ service, found }) => (found.ok ? groupsOf(service, found.value) : []));
  const missing = letters.flatMap(({ service, found }) => (found.ok ? [] : [{ service, why: found.why }]));
  return { queues, outboxes, groups, missing };
}

async function listLetters(
  deps: ConsoleDeps,
  service: string,
  filter: DeadLetterFilter,
): Promise<readonly DeadLetter[]> {
  return await deps.inDatabase(
    service,
    async (db) => (await deps.deadLetters(db).list(filter, { limit: SHOWN })).letters,
  );
}

function groupsOf(service: string, letters: readonly DeadLetter[]): readonly LetterGroup[] {
  const groups = Map.groupBy(letters, ({ type, reason }) => `${type}\n${causeOf(reason)}`);
  return [...groups].map(([key, found]) => {
    const [type = '', cause = ''] = key.split('\n');
    return { service, type, cause, count: found.length, newest: found[0]?.deadAt ?? new Date(0) };
  });
}

/** What many have in common: ids and numbers are each one's own. */
export function causeOf(reason: string): string {
  const [line = ''] = reason.split('\n');
  return line
    .replaceAll(/[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}/gi, '…')
    .replaceAll(/\d+/g, '#')
    .slice(0, 200);
}

export async function readLetters(
  deps: ConsoleDeps,
  service: string,
  query: URLSearchParams,
): Promise<object> {
  known(deps, service);
  const type = textOf(query, 'type');
  const text = textOf(query, 'text');
  const cause = textOf(query, 'cause');
  const letters = await listLetters(deps, service, { ...(type && { type }), ...(text && { text }) });
  return {
    letters: cause === undefined ? letters : letters.filter(({ reason }) => causeOf(reason) === cause),
  };
}

export async function findLetter(deps: ConsoleDeps, service: string, id: string): Promise<DeadLetter> {
  known(deps, service);
  if (!/^\d{1,18}$/.test(id)) throw consoleError('CONSOLE_NOT_FOUND', 'the id of a dead letter is a number');
  const letter = await deps.inDatabase(service, (db) => deps.deadLetters(db).find(id));
  if (letter === undefined)
    throw consoleError(
      'CONSOLE_NOT_FOUND',
      `${service} has no dead letter ${id}: it was redriven or discarded`,
    );
  return letter;
}

const LONGEST_MS = 60_000;

/**
 * Those of a list, or all of a filter. The same again finds none of them left, and does nothing. `perSecond`: no faster than that; `dryRun`: says
 * how many it would be.
 */
export async function changeLetters(
  deps: ConsoleDeps,
  service: string,
  body: ApiRequest['body'],
): Promise<object> {
  known(deps, service);
  const action = oneOf(body['action'], ['redrive', 'discard'] as const, 'action');
  const which = selectionOf(body);
  if (body['dryRun'] === true) {
    const count = await deps.inDatabase(service, (db) => countOf(deps.deadLetters(db), which));
    return { count, isDryRun: true };
  }
  const reason = reasonOf(body);
  const perSecond = paceOf(body);
  const count = await deps.inDatabase(service, async (db) => {
    const dead = deps.deadLetters(db);
    const signal = AbortSignal.timeout(LONGEST_MS);
    const how = { by: deps.operator, reason, ...(perSecond !== undefined && { perSecond, signal }) };
    let done = 0;
    for (const one of which) {
      done += action === 'redrive' ? await dead.redrive(one, how) : await dead.discard(one, how);
      if (signal.aborted) break;
    }
    return done;
  });
  const left = await deps.inDatabase(service, (db) => countOf(deps.deadLetters(db), which));
  const outcome = `${count}${left > 0 ? `; ${left} are left` : ''}`;
  await recordChange(deps, { what: `dead letters ${action}`, subject: service, reason, outcome });
  return { count, left };
}

/** Oldest first, so that a key keeps its order. */
function selectionOf(body: ApiRequest['body']): readonly (string | DeadLetterFilter)[] {
  const { ids, filter } = body;
  if (Array.isArray(ids) && ids.length > 0 && ids.every(isId) && filter === undefined)
    return [...ids].sort((a, b) => Number(a) - Number(b));
  if (ids === undefined && isRecord(filter)) {
    const { type, text, key, consumer, ...others } = filter;
    const given = Object.entries({ type, text, key, consumer }).filter(([, value]) => value !== undefined);
    if (Object.keys(others).length === 0 && given.every(([, value]) => typeof value === 'string'))
      return [Object.fromEntries(given)];
  }
  throw consoleError(
    'CONSOLE_BAD_REQUEST',
    'ids: a list of ids of dead letters, or filter: type, text, key, consumer',
  );
}

function isId(id: unknown): id is string {
  return typeof id === 'string' && /^\d{1,18}$/.test(id);
}

function paceOf({ perSecond }: ApiRequest['body']): number | undefined {
  if (perSecond === undefined) return undefined;
  if (typeof perSecond === 'number' && Number.isInteger(perSecond) && perSecond >= 1 && perSecond <= 10_000)
    return perSecond;
  throw consoleError('CONSOLE_BAD_REQUEST', 'perSecond: a whole number from 1 to 10000');
}

async function countOf(dead: DeadLetters, which: readonly (string | DeadLetterFilter)[]): Promise<number> {
  const counts = await Promise.all(which.map((one) => dead.count(one)));
  return counts.reduce((sum, count) => sum + count, 0);
}

function known({ withDeadLetters }: ConsoleDeps, service: string): void {
  if (!withDeadLetters.includes(service))
    throw consoleError('CONSOLE_NOT_FOUND', `${service} consumes no messages`);
}
