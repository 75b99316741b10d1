import { pause } from '@flotilla/kernel';
import type { Logger } from '@flotilla/telemetry';
import { isEnded, type SagaEvent } from '../decide/state.ts';
import { stepAt } from '../define/definition.ts';
import { sagaError } from '../errors.ts';
import type { Instance, OpenStep } from '../store/instance.ts';
import { rest } from '../store/leases.ts';
import { type CallDeps, callStep } from './call-step.ts';
import { interrupt, isHeld, type Lease } from './leases.ts';
import { dueInMs } from './opening.ts';
import { applyRules, type RecordDeps, recordOutcome } from './record-step.ts';
import { report } from './report.ts';
import type { StepPlaces } from './step-places.ts';
import type { Outcome } from './write.ts';

export interface DriveDeps extends CallDeps, RecordDeps {
  readonly logger: Logger;
  readonly stepPlaces: StepPlaces;
  /** True once no further step may be started here. */
  readonly isClosing: () => boolean;
}

/**
 * How this engine's work on an instance came to its end. `given-up` is still leased to us and must be released.
 */
export type DriveEnd =
  | { readonly kind: 'ended' | 'lost' }
  | { readonly kind: 'waits'; readonly waitMs: number }
  | { readonly kind: 'given-up'; readonly called: 'called' | 'not-called' };

const LONGEST_SLEEP_MS = 60_000;

/** A call in flight; it resolves to `undefined` when it was interrupted. */
type Flights = Map<string, Promise<{ readonly branch: string; readonly outcome: Outcome | undefined }>>;

/** Works on a leased instance step after step, until it ends, waits, or may not be worked on any longer. */
export async function drive(deps: DriveDeps, first: Instance, lease: Lease): Promise<DriveEnd> {
  const flights: Flights = new Map();
  try {
    return await work(deps, first, lease, flights);
  } finally {
    if (flights.size > 0) {
      interrupt(lease, sagaError('SAGA_LEASE_LOST', 'the saga is no longer worked on here'));
      await Promise.all(flights.values());
    }
  }
}

async function work(deps: DriveDeps, first: Instance, lease: Lease, flights: Flights): Promise<DriveEnd> {
  let instance = first;
  while (isHeld(lease)) {
    const next = await goOn(deps, instance, lease, flights);
    if ('kind' in next) return next;
    instance = next;
  }
  return { kind: 'lost' };
}

/** Waits for one thing to happen to the instance and records it; resolves to what the instance is then. */
async function goOn(
  deps: DriveDeps,
  instance: Instance,
  lease: Lease,
  flights: Flights,
): Promise<Instance | DriveEnd> {
  const closing = deps.isClosing();
  if (closing && flights.size === 0) return { kind: 'given-up', called: 'not-called' };
  const at = closing ? undefined : launch(deps, instance, lease, flights);
  if (at === undefined && flights.size === 0) return await waitFor(deps, instance);
  const outcome = at ?? (await landing(deps, instance, flights, closing ? 'land' : 'go-on'));
  if (outcome === 'look-again') return instance;
  if (outcome === undefined) return lease.lost ? { kind: 'lost' } : { kind: 'given-up', called: 'called' };
  const recorded = await recordOutcome(deps, instance, { lease, busy: flights.size > 0 }, outcome);
  if (recorded === undefined) return { kind: 'lost' };
  report(deps, recorded);
  const { after, waitMs } = recorded;
  if (isEnded(after.state.status)) return { kind: 'ended' };
  return waitMs === undefined ? after : { kind: 'waits', waitMs };
}

/** Starts every call whose time has come, or tells of something that is to be recorded first. */
function launch(
  deps: DriveDeps,
  instance: Instance,
  lease: Lease,
  flights: Flights,
): { readonly event: SagaEvent } | undefined {
  for (const open of instance.open) {
    if (flights.has(open.branch)) continue;
    const next = nextFor(deps, instance, open);
    if (next === 'call') {
      const { branch } = open;
      const leave = enter(deps, instance, open, flights.size > 0);
      if (leave === undefined) continue;
      const flight = callStep(deps, instance, open, lease)
        .finally(leave)
        .then((outcome) => ({ branch, outcome }));
      flights.set(branch, flight);
    } else if (next !== undefined) {
      return { event: open.branch === '' ? next : { ...next, branch: open.branch } };
    }
  }
  return undefined;
}

/**
 * A place for the call; `undefined`: all are taken, and the saga is put back. Branches of a group that has a call in flight
 * need none: it cannot be put back.
 */
function enter(
  deps: DriveDeps,
  instance: Instance,
  open: OpenStep,
  inFlight: boolean,
): (() => void) | undefined {
  const { definition, state } = instance;
  if (state.direction === 'undo') return () => undefined;
  const step = stepAt(definition, state.step, open.branch);
  const leave = deps.stepPlaces.enter(definition.type, step);
  if (leave !== undefined) return leave;
  if (inFlight) return () => undefined;
  deps.metrics.putBack(definition.type, step.name);
  return undefined;
}

/** What is to be done about an open step now; `undefined`: nothing but to wait. */
function nextFor(deps: DriveDeps, instance: Instance, open: OpenStep): SagaEvent | 'call' | undefined {
  const now = performance.now();
  const over = open.dueAt <= now;
  const due: SagaEvent = { kind: 'due', ...(open.branch !== '' && { branch: open.branch }) };
  const awaited = open.via === 'message' && open.sent && !over;
  // A reply that may come any moment is waited for, unless the deadline has passed.
  const mayTurn = !awaited || instance.deadlineAt <= now;
  if (mayTurn && applyRules(deps, instance, due).state !== instance.state) return { kind: 'due' };
  if (!over) return undefined;
  if (open.via === 'call') return 'call';
  if (open.via === 'wait') return { kind: 'succeeded' };
  if (!open.sent) return { kind: 'sent' };
  const message = 'no reply came in time';
  return { kind: 'failed', fault: { code: 'SAGA_STEP_TIMEOUT', message, retryable: true } };
}

/** The first call that ends, or the time at which another step is due. */
async function landing(
  deps: DriveDeps,
  instance: Instance,
  flights: Flights,
  intent: 'go-on' | 'land',
): Promise<Outcome | 'look-again' | undefined> {
  const calls = [...flights.values()];
  const others = intent === 'land' ? [] : instance.open.filter(({ branch }) => !flights.has(branch));
  const landed =
    others.length === 0 ? await Promise.race(calls) : await raceWithTimer(deps, instance, others, calls);
  if (landed === undefined) return 'look-again';
  flights.delete(landed.branch);
  return landed.outcome;
}

async function raceWithTimer<T>(
  { clock }: DriveDeps,
  instance: Instance,
  others: readonly OpenStep[],
  calls: readonly Promise<T>[],
): Promise<T | undefined> {
  const landed = new AbortController();
  const waitMs = dueInMs({ instance, state: instance.state, now: performance.now() }, others);
  const timer = pause(clock, Math.min(Math.max(1, waitMs), LONGEST_SLEEP_MS), landed.signal).then(
    () => undefined,
  );
  const first = await Promise.race([...calls, timer]);
  landed.abort('landed');
  await timer;
  return first;
}

/** Nothing can be done now: gives the lease back until something can. */
async function waitFor(deps: DriveDeps, instance: Instance): Promise<DriveEnd> {
  const { id, epoch, version, state } = instance;
  const waitMs = dueInMs({ instance, state, now: performance.now() }, instance.open);
  const rested = await rest(deps.db, { id, epoch, version }, waitMs);
  return rested ? { kind: 'waits', waitMs } : { kind: 'given-up', called: 'not-called' };
}
