import { answerPings, startLoop, systemClock, toError } from '@flotilla/kernel';
import type { Logger } from '@flotilla/telemetry';
import { createDisposal, type Disposal } from './disposal.ts';
import { ConfigurationError } from './errors.ts';
import { EXIT_STATUS, exitStatusOf } from './exit-status.ts';
import { whenAskedToStop } from './stop-signals.ts';

/** What a process is given when it starts. */
export interface ProcessContext<Settings> {
  readonly settings: Settings;
  readonly logger: Logger;
  /** Aborted when the process has stopped to serve and its background work shall end. */
  readonly signal: AbortSignal;
  /** Runs when the process ends, after those that were deferred later. */
  readonly defer: Disposal['defer'];
  /**
   * Starts work that lasts as long as the process; it must end when `signal` is aborted. When it throws, the process
   * ends with the status of a fault, so that it is started anew.
   */
  readonly background: (name: string, task: (signal: AbortSignal) => Promise<void>) => void;
  /**
   * Does `work` at once and again `everyMs` after each end, until the process ends. A failure is logged, and the next
   * round comes all the same.
   */
  readonly every: (name: string, everyMs: number, work: () => Promise<void>) => void;
}

interface Naming {
  readonly name: string;
  /** The line before the problems of an unusable configuration. */
  readonly refusal?: string;
}

/** What has been started. */
export interface RunningProcess {
  /** Where it serves: `url`, `grpc`. Reported to the supervisor and in the log. */
  readonly addresses: Readonly<Record<string, string>>;
  /** Further fields for the log. */
  readonly facts?: Readonly<Record<string, string | number | boolean>>;
  /** Stops serving. Background work and deferred disposals come after it. */
  readonly withdraw?: () => Promise<void>;
}

export interface ProcessDefinition<Settings> extends Naming {
  /** Throws `ConfigurationError`. */
  readonly readSettings: () => Settings | Promise<Settings>;
  readonly createLogger: (settings: Settings) => Logger;
  /** How long shutting down may take in all before it is cut short. Default 20,000. */
  readonly stopLimitMs?: (settings: Settings) => number | undefined;
  /** A `ConfigurationError` out of it is reported as one of `readSettings`. */
  readonly start: (context: ProcessContext<Settings>) => Promise<RunningProcess>;
}

/** As long as a timer can be; nothing happens at its end. */
const FOR_EVER_MS = 2_147_483_647;

/** A process that is asked to stop while it starts first finishes starting, so that it can be shut down in order. */
const START_GRACE_MS = 3_000;

/**
 * The whole life of a process: settings, start, a message to the supervisor, and an orderly end when it is asked to stop
 * (`whenAskedToStop`): stop serving, end background work, dispose in reverse order. Ends the process itself, with a
 * status of `EXIT_STATUS`: 0 after a requested stop, 1 after a fault, 75 when what it needs is away, 78 with unusable
 * configuration.
 */
export async function runProcess<Settings>(definition: ProcessDefinition<Settings>): Promise<void> {
  const settings = await readOrRefuse(definition);
  const logger = definition.createLogger(settings);
  const die = (what: string) => (thrown: unknown) => {
    if (thrown instanceof ConfigurationError) refuse(definition, thrown);
    logger.error({ err: toError(thrown) }, what);
    process.exit(exitStatusOf(thrown));
  };
  process.on('uncaughtException', die('an exception was not caught'));
  process.on('unhandledRejection', die('a rejection was not handled'));
  answerPings();
  // With no socket open nothing else might: it would end in the middle of its life, with status 13.
  setInterval(() => undefined, FOR_EVER_MS);

  const disposal = createDisposal(logger);
  const background = new AbortController();
  const stopped = whenAskedToStop(logger, definition.stopLimitMs?.(settings));
  const starting = definition.start({
    ...{ settings, logger, signal: background.signal, defer: disposal.defer },
    ...createBackground(logger, disposal, background.signal, die),
  });
  starting.then((running) => announce(running, logger)).catch(die('the process could not start'));

  const reason = await stopped;
  logger.info({ reason }, 'stopping');
  const running = await Promise.race([starting, systemClock.sleep(START_GRACE_MS).then(() => undefined)]);
  await running?.withdraw?.();
  background.abort();
  await disposal.dispose();
  logger.info({}, 'stopped');
  process.exit(EXIT_STATUS.ok);
}

function announce({ addresses, facts }: RunningProcess, logger: Logger): void {
  logger.info({ ...addresses, ...facts, bootMs: Math.round(performance.now()) }, 'serving');
  // The supervisor may have died meanwhile: `disconnect` says so, and it is no fault of this process.
  process.send?.({ type: 'ready', answersPings: true, ...addresses }, undefined, undefined, () => undefined);
}

function createBackground(
  logger: Logger,
  disposal: Disposal,
  signal: AbortSignal,
  die: (what: string) => (thrown: unknown) => void,
): Pick<ProcessContext<unknown>, 'background' | 'every'> {
  const background: ProcessContext<unknown>['background'] = (name, task) => {
    const running = task(signal).catch((thrown: unknown) => {
      if (!signal.aborted) die(`background task ${name} failed`)(thrown);
    });
    disposal.defer(name, () => running);
  };
  return {
    background,
    every: (name, everyMs, round) =>
      background(name, (end) => {
        const run = () => round().then(() => false);
        return startLoop({ name, run, intervalMs: everyMs, clock: systemClock, logger, signal: end }).ended;
      }),
  };
}

async function readOrRefuse<Settings>(definition: ProcessDefinition<Settings>): Promise<Settings> {
  try {
    return await definition.readSettings();
  } catch (error) {
    if (!(error instanceof ConfigurationError)) throw error;
    return refuse(definition, error);
  }
}

function refuse(
  { name, refusal = `${name} cannot start, its configuration is not usable:` }: Naming,
  { problems }: ConfigurationError,
): never {
  const list = problems.map((problem) => `  - ${problem}\n`).join('');
  process.stderr.write(`${refusal}\n${list}`);
  process.exit(EXIT_STATUS.configuration);
}
