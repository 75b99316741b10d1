/** What a generation says about who handles its events, read while its row is locked. */
export interface WorkMark {
  /** The runner that was to handle events; `null` when none are reserved. */
  readonly worked_by: string | null;
  /** How many events it may have reserved. */
  readonly worked_events: number | null;
  /** Was that noted so lately that it may be about to lock the row? */
  readonly is_work_fresh: boolean;
  /** So many events from here are handled one by one, while this process handles none of other projections. */
  readonly alone: number;
  /** How many processes ended over the next event while they had reserved no other. */
  readonly crashes: number;
}

/** A runner locks the row right after it has committed its mark; whoever takes longer was most likely killed. */
export const VANISHED_AFTER_MS = 1_000;

/**
 * `ours`: events may be handled. `free`: only once our mark is committed. `others`: somebody is about to handle them.
 * `abandoned`: its process has ended, because of these events or by chance.
 */
export type Standing = 'ours' | 'free' | 'others' | 'abandoned';

/** Whoever handles events holds the row's lock: a mark that is met under the lock has nobody at work behind it. */
export function judge(mark: WorkMark, runner: string): Standing {
  if (mark.worked_by === null) return 'free';
  if (mark.worked_by === runner) return 'ours';
  return mark.is_work_fresh ? 'others' : 'abandoned';
}

export interface NextWork {
  readonly events: number;
  readonly alone: number;
  readonly crashes: number;
}

/**
 * What a runner may reserve, at most `limit` events. After a process that ended over many, these come one by one:
 * none of them is blamed before it ends another process alone.
 */
export function nextWork(mark: WorkMark, standing: Standing, limit: number): NextWork {
  const died = standing === 'abandoned';
  const alone = Math.max(mark.alone, died ? (mark.worked_events ?? 1) : 0);
  return {
    ...{ alone, events: alone > 0 ? 1 : limit },
    crashes: mark.crashes + (died && mark.alone > 0 ? 1 : 0),
  };
}
