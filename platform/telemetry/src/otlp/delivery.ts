import { backoffMs, type Clock, pause } from '@flotilla/kernel';
import type { Item } from './encoding.ts';
import type { SendResult } from './sender.ts';

/** What became of items. */
export type ExportOutcome = 'accepted' | 'queue-full' | 'rejected' | 'unreachable';

export interface DeliveryOptions {
  readonly request: (items: readonly Item[]) => Buffer;
  readonly send: (body: Buffer, signal: AbortSignal) => Promise<SendResult>;
  readonly count: (outcome: ExportOutcome, items: number) => void;
  /** A receiver does not take them, or does again. Each change once; of one that is away only when it stays so, or something is lost. */
  readonly onState: (
    state: { readonly is: 'accepting' } | { readonly is: 'failing'; readonly why: string },
  ) => void;
  readonly clock: Clock;
}

/** Brings batches to their receiver, or counts them as lost. */
export interface Delivery {
  /** Never rejects. */
  deliver(items: readonly Item[]): Promise<void>;
  /** Something was lost while it waited: a receiver that is away is told of now. */
  lost(): void;
  /** The process ends: two tries at once, and no more waiting. */
  hurry(): void;
  /** Nothing is sent any longer. */
  end(): void;
}

/** A receiver that is away: what waits longer is given up, so that the new is not lost for the old. */
const MAX_RETRY_MS = 60_000;
const MAX_AFTER_MS = 30_000;
/** Receivers start after those who send, and are started anew: nothing is lost by that, and it is no news. */
const PATIENCE_MS = 30_000;

export function createDelivery(options: DeliveryOptions): Delivery {
  const { count } = options;
  const hurrying = new AbortController();
  const ended = new AbortController();
  let isFailing = false;
  /** Of a receiver that is away. */
  let away: { readonly why: string; readonly waitedMs: number } | undefined;

  function tellAway(): void {
    if (away !== undefined) tell(away.why);
  }

  function tell(why: string | undefined): void {
    if (isFailing === (why !== undefined)) return;
    isFailing = why !== undefined;
    options.onState(why === undefined ? { is: 'accepting' } : { is: 'failing', why });
  }

  async function deliver(items: readonly Item[], mayHalve: boolean): Promise<void> {
    const result = ended.signal.aborted ? undefined : await sendPatiently(options.request(items));
    if (result === undefined || result.is === 'away') {
      tellAway();
      return count('unreachable', items.length);
    }
    away = undefined;
    if (result.is === 'refused') return await refused(items, result, mayHalve);
    const rejected = Math.min(items.length, result.rejected);
    if (items.length > rejected) count('accepted', items.length - rejected);
    if (rejected > 0) count('rejected', rejected);
    tell(rejected > 0 ? result.message : undefined);
  }

  /** Again while the receiver is away, until it takes too long. */
  async function sendPatiently(body: Buffer): Promise<SendResult> {
    const since = performance.now();
    let lastTries = 0;
    for (let round = 1; ; round += 1) {
      if (hurrying.signal.aborted) lastTries += 1;
      const result = await options.send(body, ended.signal);
      if (result.is !== 'away') return result;
      away = { why: result.why, waitedMs: away?.waitedMs ?? 0 };
      if (away.waitedMs >= PATIENCE_MS) tellAway();
      if (lastTries > 1 || ended.signal.aborted || performance.now() - since > MAX_RETRY_MS) return result;
      const waitMs = Math.min(MAX_AFTER_MS, result.afterMs ?? backoffMs(round, 500, 10_000));
      await pause(options.clock, waitMs, hurrying.signal);
      away = { ...away, waitedMs: away.waitedMs + waitMs };
    }
  }

  /** One bad item costs the batch: half of it may be saved. */
  async function refused(
    items: readonly Item[],
    { status, message }: { readonly status: number; readonly message: string },
    mayHalve: boolean,
  ): Promise<void> {
    const isAboutItems = status === 400 || status === 413;
    if (isAboutItems && mayHalve && items.length > 1) {
      const half = Math.ceil(items.length / 2);
      await deliver(items.slice(0, half), false);
      await deliver(items.slice(half), false);
      return;
    }
    tell(`status ${status} ${message}`);
    count('rejected', items.length);
  }

  return {
    deliver: (items) => deliver(items, true),
    lost: tellAway,
    hurry: () => hurrying.abort('the process ends'),
    end: () => ended.abort('the process has ended'),
  };
}
