import type { Clock } from '@flotilla/kernel';
import type { ServiceLog } from '../logs/service-log.ts';
import { type CurrentProcess, createCurrentProcess } from './current-process.ts';
import { beginLife, type Life, type LifeStep } from './unit-life.ts';

export type UnitState = 'Stopped' | 'Starting' | 'Running' | 'Restarting' | 'Stopping' | 'CrashLoop';

/** Where a running process is reached. */
export interface Addresses {
  readonly url?: string;
  readonly grpc?: string;
  /** Health and metrics, where `url` is for users alone. */
  readonly admin?: string;
  /** The admin API of a gateway, for whoever has its token. */
  readonly operator?: string;
}

/** One process, from its start to its end. */
export interface Launched {
  readonly pid: number | undefined;
  /** Never settles when the process ends before it was ready. */
  readonly ready: Promise<Addresses>;
  /** How it ended, for the user: `exit code 1`. */
  readonly ended: Promise<Ending>;
  /** A word over its channel, when it has one. */
  tell?(message: object): void;
  /** Asks it to drain and end, insists after a while. `ended` tells. */
  stop(): void;
  kill(): void;
}

export interface Ending {
  readonly how: string;
  /** Starting it again is of no use: it says that its configuration is wrong. */
  readonly hopeless: boolean;
  /** It says that something it needs was away. */
  readonly lacked?: boolean;
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
  /** Health and metrics, where `url` is for users alone. */
  readonly admin?: string;
  /** The admin API of a gateway, for whoever has its token. */
  readonly operator?: string;
}

/** A process that is kept running: started, restarted when it crashes, given up when that does not help. */
export interface Unit {
  readonly service: string;
  readonly instance: string;
  readonly log: ServiceLog;
  status(): UnitStatus;
  /** How long the process that runs now has been there; `null` when there is none. */
  uptimeSeconds(): number | null;
  /** Since when its process has been ready without a break; `undefined` while it is not. */
  readyAtMs(): number | undefined;
  /**
   * `crashPoints`: where, in a test, its processes kill themselves, one after the other; see `crashPointOf`.
   * Resolves with `true` when it is ready, `false` when it was given up or stopped meanwhile, or is still not ready
   * after several tries. While it stops, the start comes after that.
   */
  start(crashPoints?: string): Promise<boolean>;
  /** A word to its process, if one runs. */
  tell(message: object): void;
  /** What it needs is back: tries at once what waits for its next try, or was given up. */
  retry(): void;
  /** Resolves when it has ended. */
  stop(): Promise<void>;
  kill(): void;
}

export interface UnitOptions {
  readonly service: string;
  readonly instance: string;
  readonly log: ServiceLog;
  /** `armed` belongs into the environment of this process. A rejection counts as a crash. */
  readonly launch: (armed: Readonly<Record<string, string>>) => Promise<Launched>;
  readonly onEvent: (event: UnitEvent) => void;
  readonly clock: Clock;
  readonly readyTimeoutMs?: number;
  /** Since when everything that it needs has been there; `undefined` while something is not. Default: always. */
  readonly needsHeldSinceMs?: () => number | undefined;
  /** Nothing runs without it: tried for ever. Default false. */
  readonly isEssential?: boolean;
}

const SHOWN_LINES = 50;

const ALWAYS = () => Number.NEGATIVE_INFINITY;

/**
 *     Stopped → Starting → Running → Restarting → Starting → …
 *                   ↘ Restarting, CrashLoop      given up: until the next start, or until what it needs is back
 *     any → Stopping → Stopped
 */
export function createUnit(options: UnitOptions): Unit {
  const { service, instance, log, clock, onEvent, readyTimeoutMs = 60_000 } = options;
  const { needsHeldSinceMs = ALWAYS, isEssential = false } = options;
  const current = createCurrentProcess({ launch: options.launch, clock, readyTimeoutMs });
  let state: UnitState = 'Stopped';
  let restarts = 0;
  let life: Life | undefined;
  let isGivenUp = false;

  function enter(next: UnitState, event: UnitEvent): void {
    state = next;
    onEvent(event);
  }

  function take(step: LifeStep): void {
    switch (step.kind) {
      case 'starting':
        enter('Starting', { type: 'starting' });
        break;
      case 'ready':
        enter('Running', { type: 'ready' });
        break;
      case 'crashed':
        restarts += 1;
        enter('Restarting', { type: 'crashed', how: step.how, restartInMs: step.delayMs });
        break;
      case 'gave-up':
        isGivenUp = step.mayPass;
        life = undefined; // the next start begins a new one
        enter('CrashLoop', { type: 'gave-up', how: step.how, lines: log.recent(SHOWN_LINES) });
        break;
      case 'stopped':
        enter('Stopped', { type: 'stopped' });
        break;
    }
  }

  function start(crashPoints: string = ''): Promise<boolean> {
    if (life && !life.isStopping) return life.ready;
    isGivenUp = false;
    const deps = { current, clock, needsHeldSinceMs, isEssential, onStep: take };
    const begun = beginLife(deps, crashPoints, life?.done);
    life = begun;
    void begun.done.then(() => {
      if (life === begun) life = undefined;
    });
    return begun.ready;
  }

  const retry = () => {
    life?.hurry();
    if (isGivenUp) void start();
  };

  async function stop(): Promise<void> {
    isGivenUp = false;
    const ending = life;
    if (!ending) {
      state = 'Stopped';
      return;
    }
    ending.stop();
    state = 'Stopping';
    await ending.done;
  }

  return {
    ...{ service, instance, log, start, retry, stop },
    status: () => statusOf({ service, instance, state, restarts }, current),
    uptimeSeconds: current.uptimeSeconds,
    readyAtMs: current.readyAtMs,
    tell: current.tell,
    kill: () => {
      life?.stop();
      current.kill();
    },
  };
}

function statusOf(
  unit: Pick<UnitStatus, 'service' | 'instance' | 'state' | 'restarts'>,
  current: CurrentProcess,
): UnitStatus {
  const { url = null, ...others } = current.addresses();
  return { ...unit, pid: current.pid(), url, ...others };
}
