import { type NewId, systemClock } from '@flotilla/kernel';
import type { Database } from '@flotilla/postgres';
import { findAnswer, insertOperation, withdrawOperation } from '../store/operations.ts';
import type { OperateAnswer, SagaOrder } from '../store/order.ts';
import { listParked, type SagaMessageRecord } from './history.ts';
import { type OpenVerb, openVerbs } from './open-verbs.ts';
import { findSaga, listSagas, type SagaDetails, type SagaFilter, type SagaSummary } from './queries.ts';

export type { OperateAnswer, SagaOrder, SagaVerb, SagaVerbName } from '../store/order.ts';
export type { SagaMessageRecord } from './history.ts';
export type { OpenVerb } from './open-verbs.ts';
export type { SagaDetails, SagaSummary } from './queries.ts';

/** The sagas of a service seen from outside, through its database alone: for operators' tools. */
export interface SagaDesk {
  /** Stuck ones first, those that wait the longest on top; then the newest. */
  list(filter: SagaFilter): Promise<readonly SagaSummary[]>;
  find(id: string): Promise<SagaDetails | undefined>;
  /** What may be done to one as it is; the engine decides again when it is done. */
  openVerbs(saga: SagaSummary): readonly OpenVerb[];
  /** Messages that wait for their saga, the oldest first. */
  parked(limit: number): Promise<readonly SagaMessageRecord[]>;
  /** Asks the engine of the service to carry out an order. Returns the id of the request. */
  request(sagaId: string, order: SagaOrder): Promise<string>;
  /** `undefined`: not carried out yet. */
  answer(requestId: string): Promise<OperateAnswer | undefined>;
  /** Takes a request back; `false` when it was carried out meanwhile. */
  withdraw(requestId: string): Promise<boolean>;
}

const ANSWER_WITHIN_MS = 15_000;
const LOOK_EVERY_MS = 100;

/**
 * Requests something of the engine and waits for its answer, at most `waitMs` (default 15,000). `undefined`: no engine that knows
 * this saga has answered, and the request was taken back.
 */
export async function askSagaDesk(
  desk: Pick<SagaDesk, 'request' | 'answer' | 'withdraw'>,
  sagaId: string,
  order: SagaOrder,
  waitMs: number = ANSWER_WITHIN_MS,
): Promise<OperateAnswer | undefined> {
  const request = await desk.request(sagaId, order);
  for (const untilMs = performance.now() + waitMs; performance.now() < untilMs; ) {
    const answer = await desk.answer(request);
    if (answer) return answer;
    await systemClock.sleep(LOOK_EVERY_MS);
  }
  return (await desk.withdraw(request)) ? undefined : await desk.answer(request);
}

export function openSagaDesk(db: Database, newId: NewId): SagaDesk {
  return {
    list: async (filter) => {
      if (filter.status === 'stuck') return await listSagas(db, filter);
      const newest = listSagas(db, filter, 'newest-first');
      if (filter.status !== undefined) return await newest;
      const [stuck, all] = await Promise.all([listSagas(db, { ...filter, status: 'stuck' }), newest]);
      return [...stuck, ...all.filter(({ status }) => status !== 'stuck')].slice(0, filter.limit ?? 100);
    },
    find: (id) => findSaga(db, id),
    openVerbs,
    parked: (limit) => listParked(db, limit),
    request: async (sagaId, order) => {
      const id = newId();
      await insertOperation(db, { id, sagaId, order });
      return id;
    },
    answer: (id) => findAnswer(db, id),
    withdraw: (id) => withdrawOperation(db, id),
  };
}
