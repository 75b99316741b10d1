import { type Clock, toError } from '@flotilla/kernel';
import type { Addresses, Ending, Launched } from './supervised-process.ts';

export interface CurrentProcessOptions {
  /** `armed` belongs into the environment of this process. A rejection counts as a crash. */
  readonly launch: (armed: Readonly<Record<string, string>>) => Promise<Launched>;
  readonly clock: Clock;
  /** One that is not ready after so long is killed. */
  readonly readyTimeoutMs: number;
}

/** How one process ended, and how long it was ready before. */
export interface Ended extends Ending {
  readonly readyForMs: number;
}

/** The process that runs now, if one does. */
export interface CurrentProcess {
  pid(): number | null;
  addresses(): Addresses;
  /** `null` when there is none. */
  uptimeSeconds(): number | null;
  /** `undefined` while it is not ready. */
  readyAtMs(): number | undefined;
  /** Launches one; resolves when it has ended. Once `stop` is aborted it is asked to end. */
  run(armed: Readonly<Record<string, string>>, stop: AbortSignal, onReady: () => void): Promise<Ended>;
  /** A word to it, if one runs. */
  tell(message: object): void;
  kill(): void;
}

export function createCurrentProcess(options: CurrentProcessOptions): CurrentProcess {
  const { launch, clock, readyTimeoutMs } = options;
  const nowMs = () => clock.now().getTime();
  let current: { readonly launched: Launched; readonly launchedAtMs: number } | undefined;
  let addresses: Addresses = {};
  let readyAtMs: number | undefined;

  /** Resolves with how long it was ready. */
  async function watch(process: Launched, stop: AbortSignal, onReady: () => void): Promise<Ended> {
    const impatience = new AbortController();
    const tooLate = clock.sleep(readyTimeoutMs, impatience.signal).then(
      () => process.kill(),
      () => undefined, // it was ready, or has ended
    );
    let wasReadyAtMs = Number.POSITIVE_INFINITY;
    void process.ready.then((reached) => {
      impatience.abort();
      wasReadyAtMs = nowMs();
      addresses = reached;
      if (stop.aborted) return;
      readyAtMs = wasReadyAtMs;
      onReady();
    });
    const ending = await process.ended;
    impatience.abort();
    await tooLate;
    return { ...ending, readyForMs: Math.max(0, nowMs() - wasReadyAtMs) };
  }

  return {
    pid: () => current?.launched.pid ?? null,
    addresses: () => addresses,
    uptimeSeconds: () => (current ? (nowMs() - current.launchedAtMs) / 1_000 : null),
    readyAtMs: () => readyAtMs,
    run: async (armed, stop, onReady) => {
      let launched: Launched;
      try {
        launched = await launch(armed);
      } catch (thrown) {
        return { how: toError(thrown).message, hopeless: false, readyForMs: 0 };
      }
      current = { launched, launchedAtMs: nowMs() };
      const askToEnd = () => launched.stop();
      if (stop.aborted) askToEnd();
      else stop.addEventListener('abort', askToEnd, { once: true });
      const ended = await watch(launched, stop, onReady);
      stop.removeEventListener('abort', askToEnd);
      current = undefined;
      addresses = {};
      readyAtMs = undefined;
      return ended;
    },
    tell: (message) => current?.launched.tell?.(message),
    kill: () => current?.launched.kill(),
  };
}
