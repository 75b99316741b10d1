import { isPlatformError } from '@flotilla/kernel';
import { ConfigurationError } from './errors.ts';

/**
 * What the status of a process that has ended says to whoever started it. As sysexits.h, where that has a number:
 * `lacking` is worth trying again, `configuration` is of no use to try again.
 */
export const EXIT_STATUS = { ok: 0, fault: 1, usage: 2, lacking: 75, configuration: 78 } as const;

/** The status of a process that ends because of what was thrown. */
export function exitStatusOf(thrown: unknown): number {
  if (thrown instanceof ConfigurationError) return EXIT_STATUS.configuration;
  return isPlatformError(thrown) && thrown.retryable ? EXIT_STATUS.lacking : EXIT_STATUS.fault;
}
