import { type Clock, toError } from '@flotilla/kernel';
import { type Faults, faultEnvironment, NO_FAULTS } from './faults.ts';
import { afterCrash, type CrashHistory, NO_CRASHES } from './restart-policy.ts';
import type { ServiceLog } from './service-log.ts';

export type UnitState = 'Stopped' | 'Starting' | 'Running' | 'Restarting' | 'Stopping' | 'CrashLoop';

/** Where a running process is reached. */
export interface Addresses {
  readonly url?: string;
  readonly grpc?: string;
}

/** One process, from its start to its end. */
export interface Launched {
  readonly pid: number | undefined;
  /** Never settles when the process ends before it was ready. */
  readonly ready: Promise<Addresses>;
  /** How it ended, for the user: `exit code 1`. */
  readonly ended: Promise<Ending>;
  /** Asks it to drain and end, insists after a while. `ended` tells. */
  stop(): void;
  kill(): void;
}

export interface Ending {
  readonly how: string;
  /** Starting it again is of no use: it says that its configuration is wrong. */
  readonly hopeless: boolean;
}

export type UnitEvent =
  | { readonly type: 'starting' | 'ready' | 'stopped' }
  | { readonly type: 'crashed'; readonly how: string; readonly restartInMs: number }
  | { readonly type: 'gave-up'; readonly how: string; readonly lines: readonly string[] };

export interface UnitStatus {
  readonly service: string;
  readonly instance: string;
  readonly pid: number | null;
  readonly state: UnitState;
  readonly restarts: number;
  readonly url: string | null;
  readonly grpc?: string;
}

/** A process that is kept running: started, restarted when it crashes, given up when that does not help. */
export interface Unit {
  readonly service: string;
  readonly instance: string;
  readonly log: ServiceLog;
  status(): UnitStatus;
  /** How long the process that runs now has been there; `null` when there is none. */
  uptimeSeconds(): number | null;
  /** Resolves with `true` when it is ready, `false` when it was given up or stopped meanwhile. */
  start(faults?: Faults): Promise<boolean>;
  /** Resolves when it has ended. */
  stop(): Promise<void>;
  kill(): void;
}

export interface UnitOptions {
  readonly service: string;
  readonly instance: string;
  readonly log: ServiceLog;
  /** `faults` belong into the environment of this process. A rejection counts as a crash. */
  readonly launch: (faults: Readonly<Record<string, string>>) => Promise<Launched>;
  readonly onEvent: (event: UnitEvent) => void;
  readonly clock: Clock;
  readonly readyTimeoutMs?: number;
}

const SHOWN_LINES = 50;

export function createUnit(options: UnitOptions): Unit {
  const { service, instance, log, clock, onEvent, readyTimeoutMs = 60_000 } = options;
  let state: UnitState = 'Stopped';
  let restarts = 0;
  let launched: Launched | undefined;
  let launchedAt = 0;
  let addresses: Addresses = {};
  let life:
    | { readonly done: Promise<void>; readonly ready: Promise<boolean>; readonly stop: AbortController }
    | undefined;

  /** One process; resolves when it has ended, with how long it had been ready. */
  async function runOnce(
    faults: Readonly<Record<string, string>>,
    stop: AbortSignal,
    onReady: () => void,
  ): Promise<Ending & { readonly readyForMs: number }> {
    state = 'Starting';
    onEvent({ type: 'starting' });
    try {
      launched = await options.launch(faults);
    } catch (thrown) {
      return { how: toError(thrown).message, hopeless: false, readyForMs: 0 };
    }
    launchedAt = clock.now().getTime();
    const process = launched;
    if (stop.aborted) process.stop();
    let readyAt = Number.POSITIVE_INFINITY;
    const impatience = new AbortController();
    const tooLate = clock.sleep(readyTimeoutMs, impatience.signal).then(
      () => process.kill(),
      () => undefined, // it was ready, or has ended
    );
    void process.ready.then((reached) => {
      impatience.abort();
      readyAt = clock.now().getTime();
      addresses = reached;
      if (stop.aborted) return;
      state = 'Running';
      onEvent({ type: 'ready' });
      onReady();
    });
    const ending = await process.ended;
    impatience.abort();
    await tooLate;
    launched = undefined;
    addresses = {};
    return { ...ending, readyForMs: Math.max(0, clock.now().getTime() - readyAt) };
  }

  async function live(faults: Faults, stop: AbortSignal, onReady: () => void): Promise<void> {
    let history: CrashHistory = NO_CRASHES;
    for (let lives = 0; !stop.aborted; lives += 1) {
      const told = faultEnvironment(faults, lives);
      const { how, hopeless, readyForMs } = await runOnce(told, stop, onReady);
      if (stop.aborted) break;
      const next = hopeless ? ({ restart: false } as const) : afterCrash(history, readyForMs);
      if (!next.restart) {
        state = 'CrashLoop';
        onEvent({ type: 'gave-up', how, lines: log.recent(SHOWN_LINES) });
        return;
      }
      history = next.history;
      restarts += 1;
      state = 'Restarting';
      onEvent({ type: 'crashed', how, restartInMs: next.delayMs });
      await clock.sleep(next.delayMs, stop).catch(() => undefined); // stopped meanwhile
    }
    state = 'Stopped';
    onEvent({ type: 'stopped' });
  }

  return {
    service,
    instance,
    log,
    status: () => ({
      service,
      instance,
      pid: launched?.pid ?? null,
      state,
      restarts,
      url: addresses.url ?? null,
      ...(addresses.grpc !== undefined && { grpc: addresses.grpc }),
    }),
    uptimeSeconds: () => (launched ? (clock.now().getTime() - launchedAt) / 1_000 : null),
    start: (faults = NO_FAULTS) => {
      if (life) return life.ready;
      const stop = new AbortController();
      const first = Promise.withResolvers<boolean>();
      const done = live(faults, stop.signal, () => first.resolve(true)).then(() => {
        life = undefined;
        first.resolve(false);
      });
      life = { done, ready: first.promise, stop };
      return first.promise;
    },
    stop: async () => {
      const current = life;
      if (!current) {
        state = 'Stopped';
        return;
      }
      current.stop.abort();
      state = 'Stopping';
      launched?.stop();
      await current.done;
    },
    kill: () => {
      life?.stop.abort();
      launched?.kill();
    },
  };
}
