import type { Clock, NewId } from '@flotilla/kernel';
import type { Outbox } from '@flotilla/messaging';
import type { Database } from '@flotilla/postgres';
import type { Logger, Metrics } from '@flotilla/telemetry';
import type { SagaDefinition } from '../define/definition.ts';
import { isGroup, isMessage } from '../define/step.ts';

export interface SagaEngineOptions {
  readonly db: Database;
  /** Every version of every saga whose instances this process may work on. */
  readonly definitions: readonly SagaDefinition[];
  /** Stable over restarts and different in each replica: a restarted process takes its instances back at once. */
  readonly instanceId: string;
  readonly logger: Logger;
  readonly metrics: Metrics;
  /** Sends the commands of message steps; required when a definition has one. */
  readonly outbox?: Pick<Outbox, 'publish'>;
  readonly clock?: Clock;
  readonly newId?: NewId;
  /** 0 ≤ random < 1, for jitter. */
  readonly random?: () => number;
  /** Instances worked on at once. Default 32. */
  readonly concurrency?: number;
  /** How long after its last sign of life an engine's instances are taken over. Default 10,000 ms. */
  readonly leaseMs?: number;
  /** How often due instances are looked for; a hint usually comes first. Default 500 ms; up to four times as long while none falls due. */
  readonly pollMs?: number;
  /** How long `close` waits for calls in flight before it aborts them. Default 5,000 ms. */
  readonly drainMs?: number;
  /** Attempts at an undo, or at a step from the pivot on, until the saga is shown as stuck. Default 20. */
  readonly stuckAfterAttempts?: number;
  /** Longest pause between two attempts of a stuck saga. Default 60,000 ms. */
  readonly stuckRetryMs?: number;
  /** How long ended sagas are kept with their history. Default 30 days. */
  readonly retentionMs?: number;
}

export type EngineSettings = Required<
  Pick<
    SagaEngineOptions,
    | 'concurrency'
    | 'leaseMs'
    | 'pollMs'
    | 'drainMs'
    | 'stuckAfterAttempts'
    | 'stuckRetryMs'
    | 'retentionMs'
    | 'random'
  >
>;

/** Fills in the defaults; throws `RangeError` for what cannot work. */
export function readSettings(options: SagaEngineOptions): EngineSettings {
  const settings: EngineSettings = {
    concurrency: options.concurrency ?? 32,
    leaseMs: options.leaseMs ?? 10_000,
    pollMs: options.pollMs ?? 500,
    drainMs: options.drainMs ?? 5_000,
    stuckAfterAttempts: options.stuckAfterAttempts ?? 20,
    stuckRetryMs: options.stuckRetryMs ?? 60_000,
    retentionMs: options.retentionMs ?? 30 * 24 * 60 * 60 * 1_000,
    random: options.random ?? Math.random,
  };
  const { drainMs, random, ...positive } = settings;
  for (const [name, value] of Object.entries(positive)) {
    if (!(value > 0)) throw new RangeError(`${name} must be positive, got ${value}`);
  }
  if (!(drainMs >= 0)) throw new RangeError(`drainMs must not be negative, got ${drainMs}`);
  if (!(random() < 1)) throw new RangeError('random must give numbers below 1');
  return settings;
}

export interface Definitions {
  readonly known: readonly { readonly type: string; readonly version: number }[];
  /** Versions that are not known, but become a known one when they are claimed. */
  readonly migratable: readonly { readonly type: string; readonly version: number }[];
  /** The newest version that an instance of a migratable version can become. */
  target(type: string, version: number): SagaDefinition | undefined;
  find(type: string, version: number): SagaDefinition | undefined;
}

/** Throws `TypeError` when there are commands to send and nothing to send them with. */
export function checkOutbox({ definitions, outbox }: SagaEngineOptions): void {
  if (outbox !== undefined) return;
  for (const { type, steps } of definitions) {
    const sends = steps
      .flatMap((element) => (isGroup(element) ? element.members : [element]))
      .find(isMessage);
    if (sends)
      throw new TypeError(`saga ${type}: the step ${sends.name} sends a command, which needs an outbox`);
  }
}

/** Throws `TypeError` when two definitions claim the same type and version. */
export function indexDefinitions(definitions: readonly SagaDefinition[]): Definitions {
  const index = new Map<string, SagaDefinition>();
  for (const definition of definitions) {
    const key = `${definition.type}@${definition.version}`;
    if (index.has(key)) throw new TypeError(`two saga definitions are ${key}`);
    index.set(key, definition);
  }
  const targets = new Map<string, SagaDefinition>();
  for (const definition of [...definitions].sort((a, b) => a.version - b.version)) {
    for (const { from } of definition.migrations) {
      const key = `${definition.type}@${from}`;
      if (!index.has(key)) targets.set(key, definition);
    }
  }
  return {
    known: definitions.map(({ type, version }) => ({ type, version })),
    migratable: [...targets.keys()].map((key) => {
      const [type = '', version] = key.split('@');
      return { type, version: Number(version) };
    }),
    target: (type, version) => targets.get(`${type}@${version}`),
    find: (type, version) => index.get(`${type}@${version}`),
  };
}
