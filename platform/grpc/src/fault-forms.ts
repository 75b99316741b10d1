import type { FaultForms } from '@flotilla/resilience';
import type { AnyMessage } from './codec.ts';
import { type CallFacts, callError } from './errors.ts';
import type { StatusName } from './status.ts';

/** As gRPC's specification reads HTTP statuses, and 500 and 504 as a service means them. */
const BY_HTTP: Readonly<Record<number, StatusName>> = {
  400: 'INTERNAL',
  401: 'UNAUTHENTICATED',
  403: 'PERMISSION_DENIED',
  404: 'UNIMPLEMENTED',
  429: 'UNAVAILABLE',
  500: 'INTERNAL',
  502: 'UNAVAILABLE',
  503: 'UNAVAILABLE',
  504: 'DEADLINE_EXCEEDED',
};

/** Injected faults as this client would meet real ones. */
export function faultForms(facts: CallFacts, send: () => Promise<AnyMessage>): FaultForms<AnyMessage> {
  const failure = (status: StatusName, message: string, more: object = {}) =>
    callError(status, `${message} (injected)`, facts, undefined, { injected: true, ...more });
  return {
    send,
    unreachable: () => failure('UNAVAILABLE', 'no connection', { sent: false }),
    broken: () => failure('UNAVAILABLE', 'the connection broke'),
    outcome: (status) => {
      throw failure(BY_HTTP[status] ?? 'UNKNOWN', 'an outcome');
    },
  };
}
