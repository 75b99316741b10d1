import { withSpan } from '@flotilla/telemetry';
import type { Attempt } from '../policy/policy-options.ts';
import type { InjectedFault } from './faults.ts';

/** What a fault looks like in the protocol of a client. */
export interface FaultForms<T> {
  readonly send: () => Promise<T>;
  /** As when no connection can be made. */
  readonly unreachable: () => Error;
  /** As when the connection breaks before the response. */
  readonly broken: () => Error;
  /** A response with this HTTP status, or the error that it is to the caller. */
  readonly outcome: (status: number) => T;
}

/** An attempt to which a fault was injected, marked as such in its trace. */
export function sufferFault<T>(
  { kind, latencyMs, status }: InjectedFault,
  attempt: Pick<Attempt, 'onCancel'>,
  { send, unreachable, broken, outcome }: FaultForms<T>,
): Promise<T> {
  const attributes = { 'fault.injected': true, 'fault.kind': kind, 'fault.latency_ms': latencyMs };
  return withSpan('injected fault', attributes, async () => {
    if (latencyMs > 0) await wait(latencyMs, attempt);
    if (kind === 'error') throw unreachable();
    if (kind === 'outcome') return outcome(status);
    const response = await send();
    if (kind === 'kill') throw broken();
    return response;
  });
}

function wait(ms: number, attempt: Pick<Attempt, 'onCancel'>): Promise<void> {
  return new Promise((resolve, reject) => {
    const timer = setTimeout(resolve, ms);
    attempt.onCancel((reason) => {
      clearTimeout(timer);
      reject(reason);
    });
  });
}
