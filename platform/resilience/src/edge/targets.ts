import { isPlatformError } from '@flotilla/kernel';
import type { Logger } from '@flotilla/telemetry';
import type { CallOutcome } from '../failures/breaker.ts';
import { type EjectionOptions, mayEject } from '../failures/ejection.ts';
import { createInstances, type Instance, learn, learnSlow } from '../failures/instances.ts';
import type { Judge } from '../failures/verdict.ts';
import type { Attempt } from '../policy/policy-options.ts';
import type { Timers } from '../time/timers.ts';
import type { Reach } from './reach.ts';

/** The instances of one service, as the calls of one other have come to know them. */
export interface Targets {
  /** Instances that were called lately. */
  readonly size: number;
  /**
   * Asks `pick` for an instance that was neither tried by this call nor is left out, for any that was not tried, for any at
   * all. A hedge has no use for the same instance.
   */
  choose<E extends { readonly id: string }>(
    attempt: Attempt,
    pick: (exclude: ReadonlySet<string>) => Promise<E>,
  ): Promise<E>;
  /** Runs one attempt at an instance; what it ends with is put into what is known, and told to the balancer that chose it. */
  at<T>(chosen: Chosen, attempt: Attempt, send: () => Promise<T>): Promise<T>;
  /** The instance has said that it goes away: it gets nothing more for a while. */
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
  /** `undefined` = nobody is left out for failures. */
  readonly ejection: EjectionOptions | undefined;
  readonly reach: Reach;
  readonly logger: Logger;
}

interface Target {
  readonly id: string;
  readonly instance: Instance;
  calledAtMs: number;
}

const DRAINED_MS = 10_000;
/** An instance that was not called for so long is forgotten: ids of those that are gone must not pile up. */
const FORGOTTEN_MS = 60_000;
const NOBODY: ReadonlySet<string> = new Set();

export function createTargets({ name, timers, judge, ejection, reach, logger }: TargetsDeps): Targets {
  const instances = createInstances(timers);
  const known = new Map<string, Target>();
  let leftOut = { epoch: 0, ids: NOBODY };

  function of(id: string): Target {
    let found = known.get(id);
    if (found === undefined) {
      forgetOld();
      found = { id, instance: instances.of(id), calledAtMs: 0 };
      known.set(id, found);
    }
    found.calledAtMs = timers.nowMs;
    return found;
  }

  function forgetOld(): void {
    for (const [id, { instance, calledAtMs }] of known) {
      if (timers.nowMs - calledAtMs > FORGOTTEN_MS && instance.inFlight === 0) known.delete(id);
    }
    instances.retain(new Set(known.keys()));
  }

  /** Those that are left out, together with those that this call has tried. */
  function without(avoid: ReadonlySet<string>): ReadonlySet<string> {
    if (leftOut.epoch !== instances.epoch) {
      const ids = [...known.values()].filter(({ instance }) => instance.isEjected).map(({ id }) => id);
      leftOut = { epoch: instances.epoch, ids: new Set(ids) };
    }
    if (leftOut.ids.size === 0) return avoid;
    return avoid.size === 0 ? leftOut.ids : new Set([...leftOut.ids, ...avoid]);
  }

  /** What the caller is told. */
  function failed(target: Target, error: unknown, attempt: Attempt, tookMs: number): unknown {
    const verdict = judge(error);
    if (verdict.refused === 'draining') eject(target, 'it drains', DRAINED_MS);
    else if (verdict.unsent === true) judged(target, 'failed', tookMs);
    else if (verdict.says !== 'nothing') judged(target, verdict.says, tookMs);
    if (verdict.unsent !== true) reach.found();
    else if ([...known.keys()].every((other) => other === target.id || attempt.avoid.has(other)))
      return reach.lost(error);
    else reach.unknown();
    return error;
  }

  function judged({ instance, id }: Target, outcome: CallOutcome, tookMs: number): void {
    learn(instance, outcome, tookMs);
    if (ejection === undefined || !mayEject(instance, [...known.values()], ejection)) return;
    eject({ instance, id }, 'it fails', ejection.ejectionMs);
  }

  function eject({ id, instance }: Pick<Target, 'id' | 'instance'>, why: string, forMs: number): void {
    if (instance.isEjected) return;
    logger.warn({ edge: name, instance: id, why }, 'an instance gets no calls for a while');
    instances.eject(instance, forMs);
  }

  async function at<T>({ id, load }: Chosen, attempt: Attempt, send: () => Promise<T>): Promise<T> {
    const target = of(id);
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

  /** Of an attempt that nobody waited for any more nothing is learnt, but that its time was over. */
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
    const narrow = without(attempt.avoid);
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
      return known.size;
    },
    choose,
    at,
    drained: (id) => eject(of(id), 'it drains', DRAINED_MS),
    state: () =>
      [...known.values()].map(({ id, instance }) => ({
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
