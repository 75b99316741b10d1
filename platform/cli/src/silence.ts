import { cliError } from './errors.ts';

/** Several questions long: on a machine under load an answer takes its time. */
export const DEFAULT_SILENCE_MS = 20_000;

export function isSilence(ms: number): boolean {
  return ms === 0 || (Number.isInteger(ms) && ms >= 1_000);
}

/** `FLOTILLA_SILENCE_MS`: 0 for work with a debugger, which holds a process for as long as one looks at it. */
export function silenceOf(env: Readonly<Record<string, string | undefined>>): number | undefined {
  const given = env['FLOTILLA_SILENCE_MS'];
  if (!given) return undefined;
  if (/^\d{1,9}$/.test(given) && isSilence(Number(given))) return Number(given);
  throw cliError('CLI_USAGE', `FLOTILLA_SILENCE_MS must be 0 or a number from 1000, got ${given}`);
}
