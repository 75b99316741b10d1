import { PROBLEM_CONTENT_TYPE, problemJson } from '@flotilla/kernel';
import type { FaultForms } from '@flotilla/resilience';
import { httpError } from '../errors.ts';
import type { WireResponse } from './transport.ts';

/** Injected faults as this client would meet real ones. */
export function faultForms<T>(
  send: () => Promise<T>,
  responseOf: (response: WireResponse) => T,
): FaultForms<T> {
  const unavailable = (message: string, sent: boolean) =>
    httpError('HTTP_UNAVAILABLE', `${message} (injected)`, {
      retryable: true,
      details: { sent, injected: true },
    });
  return {
    send,
    unreachable: () => unavailable('no connection', false),
    broken: () => unavailable('the connection broke before the response', true),
    outcome: (status) =>
      responseOf({
        status,
        headers: { 'content-type': PROBLEM_CONTENT_TYPE },
        body: problemJson({ status, code: 'injected-fault' }),
      }),
  };
}
