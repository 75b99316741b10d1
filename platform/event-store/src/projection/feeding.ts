import { isPlatformError, toError } from '@flotilla/kernel';
import { type Database, storableText } from '@flotilla/postgres';
import type { Logger } from '@flotilla/telemetry';
import type { EventRow } from '../stream/event-row.ts';

export interface FeedingDeps {
  readonly db: Database;
  readonly logger: Logger;
  readonly random: () => number;
  /** Names this runner in the marks it leaves while it handles events. */
  readonly runner: string;
  readonly batchSize: number;
  /** Pause before each further attempt at an event; when they are used up the projection halts. */
  readonly retryDelaysMs: readonly number[];
  readonly handlerTimeoutMs: number;
  /** Processes that may end over one event before the projection halts there. */
  readonly maxCrashes: number;
  /** How long an event that this code does not know is left to runners that do, before the projection halts there. */
  readonly unknownEventWaitMs: number;
}

/** `taken`: events are reserved and can be handled. `more`: there may be more to do at once. `busy`: another runner has it, or it must wait. `left`: to runners whose code knows the next event. */
export type FeedOutcome =
  | { readonly kind: 'more' | 'busy' | 'taken' }
  | { readonly kind: 'caught-up' }
  | { readonly kind: 'failed'; readonly halted: boolean }
  | { readonly kind: 'left'; readonly forMs: number };

const MAX_ERROR_CHARS = 500;

/** What an operator reads about an event. */
export function describeEvent({ type, version, stream_id }: EventRow): string {
  return `${type}, version ${version} of ${stream_id}`;
}

/** And about what went wrong. */
export function describeFailure(error: unknown): string {
  const code = isPlatformError(error) ? `${error.code}: ` : '';
  return storableText(`${code}${toError(error).message}`, MAX_ERROR_CHARS);
}
