import type { Logger } from '@flotilla/telemetry';
import { type CallDeps, callStep } from './call-step.ts';
import { faultOf } from './hooks.ts';
import type { Instance } from './instance.ts';
import { isHeld, type Lease } from './leases.ts';
import { type RecordDeps, type Recorded, recordOutcome } from './record-step.ts';
import { isEnded, type SagaEvent, transition } from './transition.ts';

export interface DriveDeps extends CallDeps, RecordDeps {
  readonly logger: Logger;
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

/** Works on a leased instance step after step, until it ends, waits, or may not be worked on any longer. */
export async function drive(deps: DriveDeps, first: Instance, lease: Lease): Promise<DriveEnd> {
  let instance = first;
  let due = isTurningPoint(deps, first);
  while (isHeld(lease)) {
    if (deps.isClosing()) return { kind: 'given-up', called: 'not-called' };
    const outcome = due ? { event: { kind: 'due' } as const } : await callStep(deps, instance, lease);
    due = false;
    if (outcome === undefined) return lease.lost ? { kind: 'lost' } : { kind: 'given-up', called: 'called' };
    const recorded = await recordOutcome(deps, instance, lease, outcome);
    if (recorded === undefined) return { kind: 'lost' };
    report(deps, recorded);
    const { after } = recorded;
    if (isEnded(after.state.status)) return { kind: 'ended' };
    const { waitMs } = recorded.transition;
    if (waitMs !== undefined) return { kind: 'waits', waitMs };
    instance = after;
  }
  return { kind: 'lost' };
}

/** Has the deadline passed, or a cancellation been asked for, while the instance waited? */
function isTurningPoint(deps: DriveDeps, { definition, state, deadlineAt }: Instance): boolean {
  const due: SagaEvent = { kind: 'due' };
  const deadlineInMs = deadlineAt - performance.now();
  return transition(definition.plan, state, due, { ...deps, deadlineInMs, random: 0 }).state !== state;
}

function report(deps: DriveDeps, { before, after, event, transition: { closed } }: Recorded): void {
  const { definition, state } = before;
  const { status, reason } = after.state;
  const step = definition.steps[state.step]?.name ?? '';
  const fault = faultOf(event);
  const { direction, attempt } = state;
  const facts = { saga: before.id, type: definition.type, step, direction, attempt };
  if (fault) deps.logger.warn({ ...facts, fault }, 'saga step failed');
  else deps.logger.debug({ ...facts, closed, outcome: event.kind }, 'saga step recorded');
  if (reason && !state.reason) deps.logger.info({ ...facts, reason }, 'saga turns around');
  if (status === 'stuck' && state.status !== 'stuck') {
    deps.logger.error({ ...facts, fault }, 'saga is stuck; it is tried again slowly');
    deps.metrics.becameStuck(definition.type, step);
  }
  if (!isEnded(status)) return;
  const durationMs = performance.now() - before.startedAt;
  deps.logger.info({ saga: before.id, type: definition.type, status, durationMs }, 'saga ended');
  deps.metrics.ended(definition.type, status, durationMs);
}
