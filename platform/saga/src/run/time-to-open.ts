import type { Queryable } from '@flotilla/postgres';
import { isEnded, type SagaState } from '../decide/state.ts';
import { stepAt } from '../define/definition.ts';
import type { Instance } from '../store/instance.ts';

/**
 * What time it is, if a step that is opened in `state` waits until a time. By the clock of the database, as everything
 * else that is due: those of processes differ.
 */
export async function timeToOpen(
  db: Queryable,
  { definition }: Pick<Instance, 'definition'>,
  state: SagaState,
): Promise<Date | undefined> {
  if (isEnded(state.status)) return undefined;
  const branches = state.branches?.map(({ name }) => name) ?? [''];
  if (!branches.some((branch) => 'until' in stepAt(definition, state.step, branch))) return undefined;
  const [row] = await db.query<{ now: Date }>('SELECT clock_timestamp() AS now', []);
  return row?.now;
}
