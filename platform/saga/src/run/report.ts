import type { Logger } from '@flotilla/telemetry';
import { isEnded } from '../decide/state.ts';
import { faultOf } from './hooks.ts';
import type { Recorded } from './record-step.ts';
import type { SagaMetrics } from './saga-metrics.ts';

export interface ReportDeps {
  readonly logger: Logger;
  readonly metrics: SagaMetrics;
}

/** Says in logs and metrics what was recorded. */
export function report(deps: ReportDeps, { before, after, event, transition }: Recorded): void {
  const { definition, state } = before;
  const { status, reason } = after.state;
  const step = event.branch ?? definition.steps[state.step]?.name ?? '';
  const fault = faultOf(event);
  const { direction, attempt } = state;
  const facts = { saga: before.id, type: definition.type, step, direction, attempt };
  if (fault) deps.logger.warn({ ...facts, fault }, 'saga step failed');
  else deps.logger.debug({ ...facts, closed: transition.closed, outcome: event.kind }, 'saga step recorded');
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
