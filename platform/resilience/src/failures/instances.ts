import type { Timer, Timers } from '../time/timers.ts';
import type { CallOutcome } from './breaker.ts';

/** What is known about the instance at one address, shared by all its callers. */
export interface Instance {
  /** `http://host:port` */
  readonly address: string;
  inFlight: number;
  /** Of recent calls, decaying, failures counted as slow. 0 = none yet. */
  latencyMs: number;
  consecutiveFailures: number;
  /** Left out for a while because of its failures. */
  readonly isEjected: boolean;
  /** Left out by an operator until put back. */
  readonly isHeldOut: boolean;
}

export interface Instances {
  /** Grows whenever the choice of instances changes: what was derived from an older value is out of date. */
  readonly epoch: number;
  of(address: string): Instance;
  eject(instance: Instance, baseMs: number): void;
  /** Ends an ejection, by itself or by an operator. */
  restore(address: string): boolean;
  /** By an operator; `false` when nothing is known about the address. */
  hold(address: string): boolean;
  /** The choice of instances has changed for a reason outside of this. */
  changed(): void;
  /** Drops unused addresses, except ejected ones. */
  retain(addresses: ReadonlySet<string>): void;
  close(): void;
}

interface State extends Instance {
  isEjected: boolean;
  isHeldOut: boolean;
  /** Ejections in close succession. */
  streak: number;
  calmSinceMs: number;
  timer: Timer | undefined;
}

/** The least that a failure counts in an instance's latency: failing fast must not look like being fast. */
const FAILURE_MS = 1_000;
const LATENCY_DECAY = 0.2;

/** Records how one call ended. An abandoned one says nothing. */
export function learn(instance: Instance, outcome: CallOutcome, durationMs: number): void {
  if (outcome === 'abandoned') return;
  const isGood = outcome === 'answered';
  const weighedMs = isGood ? durationMs : Math.max(durationMs, FAILURE_MS);
  instance.latencyMs =
    instance.latencyMs === 0
      ? weighedMs
      : instance.latencyMs + (weighedMs - instance.latencyMs) * LATENCY_DECAY;
  instance.consecutiveFailures = isGood ? 0 : instance.consecutiveFailures + 1;
}

/** A call was abandoned after this long because waiting was not worth it: its instance is at least that slow. */
export function learnSlow(instance: Instance, afterMs: number): void {
  if (afterMs > instance.latencyMs) instance.latencyMs += (afterMs - instance.latencyMs) * LATENCY_DECAY;
}

const LONGEST_EJECTION_MS = 300_000;
/** After this many times its last ejection without another one, an instance counts as healthy again. */
const CALM_FACTOR = 5;

/** Each ejection in close succession is longer by `baseMs`, up to five minutes. */
export function ejectionMs(baseMs: number, streak: number): number {
  return Math.max(baseMs, Math.min(LONGEST_EJECTION_MS, baseMs * streak));
}

export function createInstances(timers: Timers): Instances {
  const states = new Map<string, State>();
  let epoch = 0;

  function restore(state: State): void {
    state.timer?.cancel();
    state.timer = undefined;
    state.consecutiveFailures = 0;
    state.calmSinceMs = timers.nowMs;
    if (!state.isEjected && !state.isHeldOut) return;
    state.isEjected = false;
    state.isHeldOut = false;
    epoch += 1;
  }

  /** An operator's word outlives the ejection. */
  function endEjection(state: State): void {
    const { isHeldOut } = state;
    restore(state);
    state.isHeldOut = isHeldOut;
  }

  return {
    get epoch() {
      return epoch;
    },
    of: (address) => {
      const known = states.get(address);
      if (known !== undefined) return known;
      const state = newState(address);
      states.set(address, state);
      return state;
    },
    eject: (instance, baseMs) => {
      const state = states.get(instance.address);
      if (state === undefined || state.isEjected) return;
      const isCalm = timers.nowMs - state.calmSinceMs > CALM_FACTOR * ejectionMs(baseMs, state.streak);
      state.streak = isCalm ? 1 : state.streak + 1;
      state.isEjected = true;
      epoch += 1;
      state.timer = timers.after(ejectionMs(baseMs, state.streak), () => endEjection(state));
    },
    restore: (address) => {
      const state = states.get(address);
      if (state !== undefined) restore(state);
      return state !== undefined;
    },
    hold: (address) => {
      const state = states.get(address);
      if (state === undefined) return false;
      state.isHeldOut = true;
      epoch += 1;
      return true;
    },
    changed: () => {
      epoch += 1;
    },
    retain: (addresses) => {
      for (const [address, state] of states) {
        const { inFlight, isHeldOut, isEjected } = state;
        if (addresses.has(address) || inFlight > 0 || isHeldOut || isEjected) continue;
        states.delete(address);
      }
    },
    close: () => {
      for (const { timer } of states.values()) timer?.cancel();
      states.clear();
    },
  };
}

function newState(address: string): State {
  return {
    address,
    inFlight: 0,
    latencyMs: 0,
    consecutiveFailures: 0,
    isEjected: false,
    isHeldOut: false,
    streak: 0,
    calmSinceMs: Number.NEGATIVE_INFINITY,
    timer: undefined,
  };
}
