import { isEnded } from '../decide/state.ts';
import type { SagaVerbName } from '../store/order.ts';
import type { SagaSummary } from './queries.ts';

/** What an operator may do to a saga as it is, and what comes of it. */
export interface OpenVerb {
  readonly verb: SagaVerbName;
  /** In one sentence, for whoever is about to do it. */
  readonly consequence: string;
}

/** The same everywhere: a list, a page, the API and the command line show what this says. The engine decides again when it is done. */
export function openVerbs(
  saga: Pick<SagaSummary, 'status' | 'step' | 'direction' | 'leasedBy' | 'pivotStarted'>,
): readonly OpenVerb[] {
  if (isEnded(saga.status)) return [];
  const step = saga.step ?? 'its open step';
  const isUndoing = saga.direction === 'undo';
  const cancel: OpenVerb = {
    verb: 'cancel',
    consequence: 'It is undone for a reason of its own, as if its customer had asked for it.',
  };
  const mayCancel = !isUndoing && !saga.pivotStarted;
  if (saga.leasedBy !== undefined) return mayCancel ? [cancel] : [];
  const what = isUndoing ? `undo ${step}` : step;
  return [
    {
      verb: 'retry',
      consequence: `${what} is tried again now; the participant knows a repetition by its id.`,
    },
    {
      verb: 'skip',
      consequence: `${what} counts as done. The participant is not asked: make sure that it is.`,
    },
    ...(isUndoing
      ? []
      : ([
          {
            verb: 'compensate',
            consequence: `What was done before ${step} is undone in reverse order, and it ends compensated.`,
          },
          {
            verb: 'complete',
            consequence: `It ends completed, and ${step} is given up. Nothing is undone.`,
          },
        ] satisfies readonly OpenVerb[])),
    ...(mayCancel ? [cancel] : []),
  ];
}
