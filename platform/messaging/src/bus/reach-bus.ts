import { isPlatformError } from '@flotilla/kernel';
import { messagingError } from '../errors.ts';

/** Translates what the driver reports into the errors of messaging. */
export async function reachBus<T>(work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    if (!isPlatformError(error)) throw error;
    if (error.details['sqlState'] === '42501') {
      throw messagingError('MESSAGING_FORBIDDEN', error.message, { cause: error });
    }
    if (!error.retryable || error.code === 'POSTGRES_TIMEOUT') throw error;
    throw messagingError('MESSAGING_UNAVAILABLE', 'the bus cannot be reached', { cause: error });
  }
}
