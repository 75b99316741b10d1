import type { HealthConfig } from '../policies/health-check/config.ts';
import type { Instance } from './instances.ts';

/** Is it time to leave this instance out, and would enough of the others remain? Of two or more, one may always go. */
export function mayEject(
  instance: Instance,
  pool: readonly { readonly instance: Instance }[],
  { consecutiveFailures, maxEjectedPercent }: NonNullable<HealthConfig['passive']>,
): boolean {
  if (instance.isEjected || instance.consecutiveFailures < consecutiveFailures) return false;
  if (pool.length < 2 || maxEjectedPercent <= 0) return false;
  let ejected = 0;
  for (const other of pool) if (other.instance.isEjected) ejected += 1;
  return ejected + 1 <= Math.max(1, Math.floor((pool.length * maxEjectedPercent) / 100));
}
