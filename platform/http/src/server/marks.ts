import { isPlatformError } from '@flotilla/kernel';
import { REFUSED_FIELD, RETRY_OWNER_FIELD, type RefusalReason } from '@flotilla/resilience';
import { type ProblemReply, problem } from '../contract/reply.ts';

const NONE: Readonly<Record<string, string>> = {};

/** Out of a call to another service. */
const FROM_A_CALL = /^(HTTP|GRPC|DISCOVERY|RESILIENCE)_/;

const REASON_BY_CODE: Readonly<Record<string, RefusalReason>> = {
  RESILIENCE_CIRCUIT_OPEN: 'circuit',
  RESILIENCE_OVERLOADED: 'overload',
};

/**
 * What callers are told about a fault besides its status: why nothing was done, and that its repetition was decided here
 * already, since it came out of a call of this service.
 */
export function marksOf(error: unknown, service: string): Readonly<Record<string, string>> {
  if (!isPlatformError(error)) return NONE;
  const { details, code, retryable } = error;
  if (details['unserved'] === true) return { [REFUSED_FIELD]: 'deadline' satisfies RefusalReason };
  const reason = REASON_BY_CODE[code];
  if (reason !== undefined) return { [REFUSED_FIELD]: reason };
  if (!retryable || !FROM_A_CALL.test(code)) return NONE;
  const owner = details['retryOwner'];
  return { [RETRY_OWNER_FIELD]: typeof owner === 'string' ? owner : service };
}

/** Refused before anything but the head of the request was read. */
export const OVERLOADED: ProblemReply = {
  ...problem(503, 'overloaded', 'There is too much to do. Try again later.'),
  headers: { 'retry-after': '1', [REFUSED_FIELD]: 'overload' satisfies RefusalReason },
};
