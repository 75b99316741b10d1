import { isPlatformError } from '@flotilla/kernel';
import type { Logger } from '@flotilla/telemetry';
import type { CallOutcome } from '../failures/breaker.ts';
import { type EjectionOptions, mayEject } from '../failures/ejection.ts';
import { learn, learnSlow } from '../failures/instances.ts';
import type { Judge } from '../failures/verdict.ts';
import type { Attempt } from '../policy/policy-options.ts';
import type { Timers } from '../time/timers.ts';
import { createKnownTargets, NOBODY, type Target } from './known-targets.ts';
import type { Reach } from './reach.ts';

/** The instances of one service, as seen by the calls of one other. */
export interface Targets {
  /** Instances that were called recently. */
  readonly size: number;
  /**
   * Asks `pick` for an instance that was neither tried by this call nor is left out, for any that was not tried, for any at
   * all. A hedge has no use for the same instance.
   */
  choose<E extends { readonly id: string }>(
    attempt: Attempt,
    pick: (exclude: ReadonlySet<string>) => Promise<E>,
  ): Promise<E>;
  /** Runs one attempt at an instance; its outcome is recorded and reported to the balancer that chose it. */
  at<T>(chosen: Chosen, attempt: Attempt, send: () => Promise<T>): Promise<T>;
  /** The instance has said that it is shutting down: it gets no calls for a while. */
  drained(id: string): void;
  state(): readonly TargetState[];
}

/** An instance as a balancer gives it: `PickedEndpoint` of `@flotilla/discovery`. */
export interface Chosen {
  readonly id: string;
  readonly load?: { begin(): (outcome: CallOutcome) => void };
}

export interface TargetState {
  readonly id: string;
  readonly inFlight: number;
  readonly latencyMs: number;
  readonly consecutiveFailures: number;
  readonly isEjected: boolean;
}

export interface TargetsDeps {
  /** Of the edge, for the log. */
  readonly name: string;
  readonly timers: Timers;
  readonly judge: Judge;
  /** `undefined`: no instance is left out for failures. */
  readonly ejection: EjectionOptions | undefined;
  readonly reach: Reach;
  readonly logger: Logger;
}

const DRAINED_MS = 10_000;

export function createTargets({ name, timers, judge, ejection, reach, logger }: TargetsDeps): Targets {
  const known = createKnownTargets(name, timers, logger);

  /** What the caller is told. */
  function failed(target: Target, error: unknown, attempt: Attempt, tookMs: number): unknown {
    const verdict = judge(error);
    if (verdict.refused === 'draining') known.eject(target, 'it drains', DRAINED_MS);
    else if (verdict.unsent === true) judged(target, 'failed', tookMs);
    else if (verdict.says !== 'nothing') judged(target, verdict.says, tookMs);
    if (verdict.unsent !== true) reach.found();
    else if (known.all().every(({ id }) => id === target.id || attempt.avoid.has(id)))
      return reach.lost(error);
    else reach.unknown();
    return error;
  }

  function judged(target: Target, outcome: CallOutcome, tookMs: number): void {
    learn(target.instance, outcome, tookMs);
    if (ejection === undefined || !mayEject(target.instance, known.all(), ejection)) return;
    known.eject(target, 'it fails', ejection.ejectionMs);
  }

  async function at<T>({ id, load }: Chosen, attempt: Attempt, send: () => Promise<T>): Promise<T> {
    const target = known.of(id);
    const tell = load?.begin();
    const { instance } = target;
    attempt.aim(id);
    instance.inFlight += 1;
    const startedAtMs = timers.nowMs;
    try {
      const result = await send();
      tell?.('answered');
      learn(instance, 'answered', timers.nowMs - startedAtMs);
      reach.found();
      return result;
    } catch (error) {
      const tookMs = timers.nowMs - startedAtMs;
      tell?.(outcomeOf(error, attempt));
      if (attempt.cancelled === undefined) throw failed(target, error, attempt, tookMs);
      reach.unknown();
      if (attempt.cancelled === 'late') judged(target, 'failed', tookMs);
      else learnSlow(instance, tookMs);
      throw error;
    } finally {
      instance.inFlight -= 1;
    }
  }

  /** An abandoned attempt says nothing, except that its time was up. */
  function outcomeOf(error: unknown, { cancelled }: Attempt): CallOutcome {
    if (cancelled !== undefined) return cancelled === 'late' ? 'failed' : 'abandoned';
    const { says, unsent } = judge(error);
    if (unsent === true) return 'failed';
    return says === 'nothing' ? 'abandoned' : says;
  }

  async function choose<E extends { readonly id: string }>(
    attempt: Attempt,
    pick: (exclude: ReadonlySet<string>) => Promise<E>,
  ): Promise<E> {
    const turn = reach.turn(attempt);
    if (turn !== undefined) await turn;
    const narrow = known.without(attempt.avoid);
    try {
      if (narrow.size === 0) return await pick(NOBODY);
      return attempt.isHedge ? await pick(narrow) : await firstOf([narrow, attempt.avoid, NOBODY], pick);
    } catch (error) {
      if (!attempt.isHedge && judge(error).unsent === true) throw reach.lost(error);
      reach.unknown();
      throw error;
    }
  }

  return {
    get size() {
      return known.all().length;
    },
    choose,
    at,
    drained: (id) => known.eject(known.of(id), 'it drains', DRAINED_MS),
    state: () =>
      known.all().map(({ id, instance }) => ({
        id,
        inFlight: instance.inFlight,
        latencyMs: Math.round(instance.latencyMs * 10) / 10,
        consecutiveFailures: instance.consecutiveFailures,
        isEjected: instance.isEjected,
      })),
  };
}

/** What `pick` finds without these, or else without those. */
async function firstOf<E>(
  [exclude = NOBODY, ...others]: readonly ReadonlySet<string>[],
  pick: (exclude: ReadonlySet<string>) => Promise<E>,
): Promise<E> {
  try {
    return await pick(exclude);
  } catch (error) {
    const isNone = isPlatformError(error) && error.code === 'DISCOVERY_NO_ENDPOINT';
    if (!isNone || exclude.size === 0 || others.length === 0) throw error;
    return await firstOf(others, pick);
  }
}
