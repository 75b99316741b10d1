import { PlatformError } from '@flotilla/kernel';

/**
 * - `RESILIENCE_DEADLINE`: the call's time is over; whether the work was done is unknown. Retryable.
 * - `RESILIENCE_CANCELLED`: the caller's signal was aborted.
 * - `RESILIENCE_CIRCUIT_OPEN`: the service fails and is left alone for a while; nothing was sent. Retryable.
 * - `RESILIENCE_OVERLOADED`: as much as allowed is under way and the queue is full, or the wait in it was too long; nothing
 *   was sent. Retryable.
 * - `RESILIENCE_FAULT_REFUSED`: faults are injected in demo mode and in tests only, or this one makes no sense.
 */
export type ResilienceErrorCode =
  | 'RESILIENCE_DEADLINE'
  | 'RESILIENCE_CANCELLED'
  | 'RESILIENCE_CIRCUIT_OPEN'
  | 'RESILIENCE_OVERLOADED'
  | 'RESILIENCE_FAULT_REFUSED';

export type ResilienceError = PlatformError<ResilienceErrorCode>;

export function deadlineError(name: string): ResilienceError {
  return new PlatformError('RESILIENCE_DEADLINE', `${name}: no answer in time`, {
    retryable: true,
    details: { name },
  });
}

export function cancelledError(name: string, cause: unknown): ResilienceError {
  return new PlatformError('RESILIENCE_CANCELLED', `${name}: the caller gave up`, {
    details: { name },
    cause,
  });
}

export function circuitOpenError(name: string): ResilienceError {
  return new PlatformError('RESILIENCE_CIRCUIT_OPEN', `${name}: the circuit is open`, {
    retryable: true,
    details: { name, sent: false, refused: 'circuit' },
  });
}

export function overloadedError(name: string, why: string): ResilienceError {
  return new PlatformError('RESILIENCE_OVERLOADED', `${name}: ${why}`, {
    retryable: true,
    details: { name, sent: false, refused: 'overload' },
  });
}

export function faultRefused(message: string): ResilienceError {
  return new PlatformError('RESILIENCE_FAULT_REFUSED', message);
}
