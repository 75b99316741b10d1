import { crashPoint } from '@flotilla/kernel';
import type { Transaction } from '@flotilla/postgres';
import { eventStoreError } from '../errors.ts';
import type { EventRow } from '../stream/event-row.ts';
import { describeEvent, describeFailure, type FeedingDeps, type FeedOutcome } from './feeding.ts';
import { failGeneration, type Generation, markWork } from './generation-store.ts';
import type { NextWork, Standing } from './work-mark.ts';

export interface Work extends NextWork {
  readonly standing: Standing;
  /** The event that comes next. */
  readonly first: EventRow;
}

/**
 * Notes that this runner reserves the next events of a claimed generation; once that is committed it may handle
 * them. What a process that has ended had reserved is not taken yet, but noted to be handled one by one. Halts the projection instead when they have ended too many processes: then nothing but an operator helps.
 */
export async function reserveEvents(
  { runner, logger, maxCrashes }: FeedingDeps,
  tx: Transaction,
  claimed: Generation,
  work: Work,
): Promise<FeedOutcome> {
  const { crashes, standing, first } = work;
  crashPoint('projection.before-mark-commit');
  // After a crash the next runner reserves its event only when nothing else is at work: till then nobody has it.
  await markWork(tx, claimed, standing === 'abandoned' ? null : runner, work);
  const halts = standing === 'abandoned' && crashes >= maxCrashes;
  const event = describeEvent(first);
  const facts = { projection: claimed.name, generation: claimed.generation, event, crashes };
  if (halts) {
    const error = eventStoreError(
      'EVENT_STORE_HANDLER_CRASH',
      `${crashes} processes ended while they handled this event and no other`,
    );
    await failGeneration(tx, claimed, {
      at: first,
      event,
      error: describeFailure(error),
      retryInMs: 0,
      halts,
    });
    tx.afterCommit(() => logger.error(facts, 'a projection has halted at an event that ends processes'));
  } else if (standing === 'abandoned')
    tx.afterCommit(() =>
      logger.warn(facts, 'a process ended over events of a projection, they are handled one by one'),
    );
  if (halts) return { kind: 'failed', halted: true };
  // After a crash its caller has to see to it that nothing else is in work.
  return { kind: standing === 'free' ? 'taken' : 'more' };
}
