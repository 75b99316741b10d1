import { crashPoint, type NewId } from '@flotilla/kernel';
import type { Database } from '@flotilla/postgres';
import type { SagaDefinition, SagaEngine } from '@flotilla/saga';
import type { Person } from './data-holder.ts';
import type { Erasure, ErasureStore } from './erasure-store.ts';
import type { ExportStore, PersonExport } from './export-store.ts';
import type { PersonRequest } from './sagas.ts';

export interface RequestDeps {
  readonly db: Database;
  readonly erasures: ErasureStore;
  readonly exports: ExportStore;
  readonly sagas: Pick<SagaEngine, 'start'>;
  readonly eraseSaga: SagaDefinition<PersonRequest>;
  readonly exportSaga: SagaDefinition<PersonRequest>;
  readonly newId: NewId;
  /** An id that nobody guesses. */
  readonly newKey: () => string;
}

type Asking = Pick<Person, 'userId' | 'email'>;

/** Begins to erase somebody, once: who asks again is told of the first request. */
export async function requestErasure(deps: RequestDeps, person: Asking): Promise<Erasure> {
  const { db, erasures, sagas, eraseSaga, newId, newKey } = deps;
  crashPoint('user.before-request-erasure');
  await db.transaction(async (tx) => {
    const requestId = newKey();
    if (await erasures.begin(tx, requestId, person))
      await sagas.start(tx, eraseSaga, { id: newId(), data: { requestId } });
  });
  crashPoint('user.after-request-erasure');
  const erasure = await erasures.ofPerson(person.userId);
  // It was refused in between, as it will be again.
  return erasure ?? (await requestErasure(deps, person));
}

/** Begins to collect somebody's data; while that runs it is the same request. */
export async function requestExport(deps: RequestDeps, person: Asking): Promise<PersonExport> {
  const { db, exports, sagas, exportSaga, newId } = deps;
  crashPoint('user.before-request-export');
  const begun = await db.transaction(async (tx) => {
    const requestId = newId();
    if (!(await exports.begin(tx, requestId, person))) return undefined;
    await sagas.start(tx, exportSaga, { id: newId(), data: { requestId } });
    return requestId;
  });
  crashPoint('user.after-request-export');
  const { userId } = person;
  const found = await (begun === undefined ? exports.running(userId) : exports.find(begun, userId));
  // The one that ran has ended in between.
  return found ?? (await requestExport(deps, person));
}
