import { toError } from '@flotilla/kernel';
import {
  askSagaDesk,
  type OpenVerb,
  type OperateAnswer,
  type SagaDetails,
  type SagaOrder,
  type SagaSummary,
} from '@flotilla/saga/desk';
import type { ConsoleDeps, Desk } from '../deps.ts';
import { consoleError } from '../errors.ts';
import { recordChange } from './change.ts';
import { numberOf, oneOf, reasonOf, textOf, uuidOf } from './input.ts';
import { openTo } from './open-actions.ts';
import { part } from './partial.ts';
import type { ApiRequest } from './routes.ts';

const STATUSES = ['running', 'compensating', 'stuck', 'completed', 'compensated', 'cancelled'] as const;

type Row = SagaSummary & { readonly service: string; readonly open: readonly OpenVerb[] };

/** Stuck ones first, those that wait the longest on top, then the newest, of all services that have sagas; the same rows as on the page of each. */
export async function listSagas(deps: Desk, { query }: Pick<ApiRequest, 'query'>): Promise<object> {
  const status = textOf(query, 'status');
  const type = textOf(query, 'type');
  const filter = {
    ...(status !== undefined && { status: oneOf(status, STATUSES, 'status') }),
    ...(type !== undefined && { type }),
    limit: Math.min(numberOf(query, 'limit') ?? 100, 500),
  };
  const found = await Promise.all(
    deps.withSagas.map((service) =>
      part(() =>
        deps.inDatabase(service, async (db) => {
          const desk = deps.sagaDesk(db);
          return (await desk.list(filter)).map(
            (saga): Row => ({ service, ...saga, open: openTo(deps, desk.openVerbs(saga)) }),
          );
        }),
      ),
    ),
  );
  return {
    sagas: found.flatMap((one) => (one.ok ? one.value : [])).toSorted(byNeed),
    missing: deps.withSagas.flatMap((service, index) => {
      const one = found[index];
      return one && !one.ok ? [{ service, why: one.why }] : [];
    }),
  };
}

function byNeed(a: Row, b: Row): number {
  const [stuckA, stuckB] = [a.status === 'stuck', b.status === 'stuck'];
  if (stuckA !== stuckB) return stuckA ? -1 : 1;
  const older = a.startedAt.getTime() - b.startedAt.getTime();
  return stuckA ? older : -older;
}

export async function findSaga(deps: Desk, service: string, id: string): Promise<Row & SagaDetails> {
  if (!deps.withSagas.includes(service)) throw consoleError('CONSOLE_NOT_FOUND', `${service} runs no sagas`);
  const known = uuidOf(id, 'saga');
  const found = await deps.inDatabase(service, async (db) => {
    const desk = deps.sagaDesk(db);
    const saga = await desk.find(known);
    return saga && { service, ...saga, open: openTo(deps, desk.openVerbs(saga)) };
  });
  if (found === undefined) throw consoleError('CONSOLE_NOT_FOUND', `${service} has no saga ${id}`);
  return found;
}

/**
 * Asks the engine of the service. `changes` is what the operator saw: when the saga has changed since, it refuses, so the same
 * request again does nothing.
 */
export async function changeSaga(
  deps: Desk,
  service: string,
  id: string,
  body: ApiRequest['body'],
): Promise<OperateAnswer & { readonly said?: string }> {
  const reason = reasonOf(body);
  const saga = await findSaga(deps, service, id);
  const verb = oneOf(body['verb'], ['retry', 'skip', 'compensate', 'complete', 'cancel'] as const, 'verb');
  const seen = body['changes'];
  if (typeof seen !== 'number')
    throw consoleError('CONSOLE_BAD_REQUEST', 'changes: how many it had when you looked');
  const step = typeof body['step'] === 'string' ? { step: body['step'] } : {};
  const order: SagaOrder = {
    ...(verb === 'cancel' ? { verb, code: 'operator' } : verb === 'skip' ? { verb, ...step } : { verb }),
    ...{ by: deps.operator, reason, expectedChanges: seen },
  };
  const answer = await deps.inDatabase(service, async (db) => await ask(deps, db, saga.id, order));
  const outcome = answer.ok ? answer.status : `refused: ${answer.refusal.message}`;
  await recordChange(deps, { what: `saga ${verb}`, subject: `${service} ${id}`, reason, outcome });
  // Its status is the old one until the try has ended.
  const isTried = verb === 'retry' && answer.ok && answer.step !== undefined;
  return isTried ? { ...answer, said: `${answer.step} is tried again` } : answer;
}

const MOST = 200;
const LONGEST_MS = 30_000;

/**
 * Every saga of a filter for which the verb is open, one after the other, each as it was when it was listed: the same again does nothing to those that have
 * changed. Ends after 30 s with how many are left. `dryRun`: says which it would be.
 */
export async function changeSagas(deps: Desk, body: ApiRequest['body']): Promise<object> {
  const verb = oneOf(body['verb'], ['retry', 'compensate', 'complete'] as const, 'verb');
  const isDryRun = body['dryRun'] === true;
  const reason = isDryRun ? '' : reasonOf(body);
  const query = new URLSearchParams({ limit: String(MOST) });
  for (const name of ['status', 'type'])
    if (typeof body[name] === 'string') query.set(name, String(body[name]));
  const { sagas, missing } = (await listSagas(deps, { query })) as {
    sagas: readonly Row[];
    missing: unknown;
  };
  const due = sagas.filter(({ open }) => open.some((one) => one.verb === verb));
  if (isDryRun)
    return { isDryRun, count: due.length, of: sagas.length, ids: due.map(({ id }) => id), missing };
  const untilMs = performance.now() + LONGEST_MS;
  const refused: { readonly id: string; readonly why: string }[] = [];
  let count = 0;
  let looked = 0;
  for (const { service, id, changes } of due) {
    if (performance.now() > untilMs) break;
    looked += 1;
    const answer = await changeSaga(deps, service, id, { verb, changes, reason }).catch(refusalOf);
    if (answer.ok) count += 1;
    else refused.push({ id, why: answer.refusal.message });
  }
  return { count, left: due.length - looked, refused, missing };
}

/** One that cannot be changed keeps no other from it. */
function refusalOf(thrown: unknown) {
  const { message } = toError(thrown);
  return { ok: false as const, refusal: { message } };
}

async function ask(
  deps: Desk,
  db: Parameters<ConsoleDeps['sagaDesk']>[0],
  id: string,
  order: SagaOrder,
): Promise<OperateAnswer> {
  const desk = deps.sagaDesk(db);
  const answer = await askSagaDesk(desk, id, order);
  if (answer !== undefined) return answer;
  throw consoleError(
    'CONSOLE_UNAVAILABLE',
    'no engine that knows this saga has answered; the request was taken back',
  );
}
