import type { Clock } from '@flotilla/kernel';
import type { CurrentProcess } from './current-process.ts';
import { afterCrash, type CrashHistory, LOOP_AFTER, NO_CRASHES } from './restart-policy.ts';

/** What becomes of one process after the other. */
export type LifeStep =
  | { readonly kind: 'starting' | 'ready' | 'stopped' }
  /** Another is started after the delay. */
  | { readonly kind: 'crashed'; readonly how: string; readonly delayMs: number }
  /** The end. `mayPass`: not when a configuration is wrong, for that does not pass with time. */
  | { readonly kind: 'gave-up'; readonly how: string; readonly mayPass: boolean };

export interface LifeDeps {
  readonly current: CurrentProcess;
  readonly clock: Clock;
  /** Since when everything that it needs has been there; `undefined` while something is not. */
  readonly needsHeldSinceMs: () => number | undefined;
  /** Nothing runs without it: tried for ever. */
  readonly isEssential: boolean;
  readonly onStep: (step: LifeStep) => void;
}

/** From a start to the end of what followed from it. */
export interface Life {
  readonly isStopping: boolean;
  /** `false` when it was given up or stopped before, or is still not ready after several tries. */
  readonly ready: Promise<boolean>;
  readonly done: Promise<void>;
  /** Tries at once what waits for its next try. */
  hurry(): void;
  stop(): void;
}

/** Starts a process again whenever it ends, until it is stopped or given up. It begins once `before` has ended. */
export function beginLife(deps: LifeDeps, crashPoints: string, before: Promise<void> | undefined): Life {
  const stop = new AbortController();
  const ready = Promise.withResolvers<boolean>();
  let pause: AbortController | undefined; // before the next try

  async function wait(delayMs: number): Promise<void> {
    pause = new AbortController();
    const either = AbortSignal.any([stop.signal, pause.signal]);
    await deps.clock.sleep(delayMs, either).catch(() => undefined); // stopped, or in a hurry
    pause = undefined;
  }

  async function begin(): Promise<void> {
    if (before !== undefined) await before;
    if (!stop.signal.aborted)
      await live(deps, { crashPoints, stop: stop.signal, settle: ready.resolve, wait });
  }

  return {
    get isStopping() {
      return stop.signal.aborted;
    },
    ready: ready.promise,
    done: begin().then(() => ready.resolve(false)),
    hurry: () => pause?.abort(),
    stop: () => stop.abort(),
  };
}

interface Course {
  readonly crashPoints: string;
  readonly stop: AbortSignal;
  /** Tells those who wait for it whether it is ready; once. */
  readonly settle: (isReady: boolean) => void;
  readonly wait: (delayMs: number) => Promise<void>;
}

async function live(deps: LifeDeps, { crashPoints, stop, settle, wait }: Course): Promise<void> {
  const { current, clock, onStep } = deps;
  let history: CrashHistory = NO_CRASHES;
  for (let lives = 0; !stop.aborted; lives += 1) {
    const startedAtMs = clock.now().getTime();
    onStep({ kind: 'starting' });
    const ended = await current.run(crashPointOf(crashPoints, lives), stop, () => {
      onStep({ kind: 'ready' });
      settle(true);
    });
    if (stop.aborted) break;
    const { how, hopeless, readyForMs } = ended;
    const isOwnFault = ended.lacked !== true && wereNeedsHeldSince(startedAtMs, deps);
    const next = afterCrash(history, { readyForMs, isOwnFault });
    if (hopeless || (next.isLoop && !deps.isEssential)) {
      onStep({ kind: 'gave-up', how, mayPass: !hopeless });
      return;
    }
    history = next.history;
    onStep({ kind: 'crashed', how, delayMs: next.delayMs });
    if (history.crashes >= LOOP_AFTER) settle(false); // nobody waits for it any longer, but it is tried on
    await wait(next.delayMs);
  }
  onStep({ kind: 'stopped' });
}

function wereNeedsHeldSince(startedAtMs: number, { needsHeldSinceMs }: LifeDeps): boolean {
  const sinceMs = needsHeldSinceMs();
  return sinceMs !== undefined && sinceMs <= startedAtMs;
}

/**
 * What the process numbered `life` since the start is told; 0 is the first. Crash points are where, in a test, the processes
 * of a service kill themselves, one after the other: `relay.after-publish,relay.before-publish:2`.
 */
export function crashPointOf(crashPoints: string, life: number): Readonly<Record<string, string>> {
  const crashPoint = crashPoints.split(',')[life] ?? '';
  return crashPoint === '' ? {} : { FLOTILLA_CRASH_POINT: crashPoint };
}
