import { crashPoint } from '@flotilla/kernel';
import { defineSaga, type SagaDefinition, type StepOutcome } from '@flotilla/saga';
import { userError } from '../errors.ts';
import type { DataHolder, Person } from './data-holder.ts';
import type { ErasureStore } from './erasure-store.ts';
import type { ExportStore } from './export-store.ts';

export interface PeopleSagaDeps {
  /** Those that decide first: identity, which ends the account; order, which knows the orders. */
  readonly identity: DataHolder;
  /** In the order of asking; `order` comes before those that are asked by order. */
  readonly holders: readonly DataHolder[];
  readonly erasures: ErasureStore;
  readonly exports: ExportStore;
  /** How long after the end of an account somebody may still hold a token of it that is accepted. */
  readonly tokensEndMs: number;
}

export interface PersonRequest {
  readonly requestId: string;
}

const TIMEOUT_MS = 15_000;
const HOUR_MS = 3_600_000;
const RETRY = { initialMs: 500, maxMs: 30_000 };

/**
 * Identity first, and with it there is no way back: nobody logs in any more, so that nothing new is made of a person while
 * the others erase what there is. Each of them is asked until it has done so.
 */
export function defineEraseSaga(deps: PeopleSagaDeps): SagaDefinition<PersonRequest> {
  const { identity, holders, erasures, tokensEndMs } = deps;
  const erase =
    (holder: DataHolder) =>
    async (
      { requestId }: PersonRequest,
      call: { readonly signal: AbortSignal },
    ): Promise<StepOutcome<null>> => {
      const person = requirePerson(await erasures.personOf(requestId));
      crashPoint('user.before-erase-part');
      const answer = await holder.erase(person, call.signal);
      if ('refused' in answer) return { ok: false, reason: { code: answer.refused } };
      if ('waitsFor' in answer)
        throw userError('USER_ERASURE_WAITS', `${holder.name} waits for ${answer.waitsFor}`, {
          retryable: true,
          details: { service: holder.name, waitsFor: answer.waitsFor },
        });
      crashPoint('user.after-erase-part');
      await erasures.note(requestId, holder.name, answer, answer.orderIds);
      crashPoint('user.after-note-erased');
      return { ok: true, result: null };
    };
  return defineSaga<PersonRequest>({
    type: 'erase-person',
    version: 1,
    deadlineMs: HOUR_MS,
    steps: (step, { wait }) => [
      step({ name: 'identity', pivot: true, timeoutMs: TIMEOUT_MS, retry: RETRY, do: erase(identity) }),
      wait({ name: 'tokens-end', ms: tokensEndMs }),
      ...holders.map((holder) =>
        step({ name: holder.name, retriable: true, timeoutMs: TIMEOUT_MS, retry: RETRY, do: erase(holder) }),
      ),
    ],
    onCompleted: (tx, { requestId }) => erasures.end(tx, requestId),
    onCompensated: (tx, { requestId }, reason) =>
      erasures.end(tx, requestId, reason.kind === 'rejected' ? reason.code : 'not-possible-now'),
  });
}

/** Asks everybody; who cannot be asked within an hour makes it fail, and it may be asked for again. */
export function defineExportSaga(deps: PeopleSagaDeps): SagaDefinition<PersonRequest> {
  const { identity, holders, exports } = deps;
  return defineSaga<PersonRequest>({
    type: 'export-person',
    version: 1,
    deadlineMs: HOUR_MS,
    steps: (step) =>
      [identity, ...holders].map((holder) =>
        step({
          name: holder.name,
          timeoutMs: TIMEOUT_MS,
          retry: RETRY,
          do: async ({ requestId }, call): Promise<StepOutcome<null>> => {
            const person = requirePerson(await exports.personOf(requestId));
            const exported = await holder.export(person, call.signal);
            crashPoint('user.before-note-exported');
            await exports.note(requestId, holder.name, exported);
            crashPoint('user.after-note-exported');
            return { ok: true, result: null };
          },
        }),
      ),
    onCompleted: (tx, { requestId }) => exports.end(tx, requestId, 'ready'),
    onCompensated: (tx, { requestId }) => exports.end(tx, requestId, 'failed'),
  });
}

function requirePerson(person: Person | undefined): Person {
  if (person) return person;
  throw userError('USER_REQUEST_UNKNOWN', 'the request of a saga is not there any more');
}
