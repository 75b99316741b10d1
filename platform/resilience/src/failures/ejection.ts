import type { Instance } from './instances.ts';

export interface EjectionOptions {
  /** This many in a row. */
  readonly consecutiveFailures: number;
  /** How long the first one lasts. */
  readonly ejectionMs: number;
  /** Of all instances of a service. Of two or more, one may always go. */
  readonly maxEjectedPercent: number;
}

/** Is it time to leave this instance out, and would enough of the others remain? */
export function mayEject(
  instance: Instance,
  pool: readonly { readonly instance: Instance }[],
  { consecutiveFailures, maxEjectedPercent }: EjectionOptions,
): boolean {
  if (instance.isEjected || instance.consecutiveFailures < consecutiveFailures) return false;
  if (pool.length < 2 || maxEjectedPercent <= 0) return false;
  let ejected = 0;
  for (const other of pool) if (other.instance.isEjected) ejected += 1;
  return ejected + 1 <= Math.max(1, Math.floor((pool.length * maxEjectedPercent) / 100));
}
