import { toError, within } from '@flotilla/kernel';
import { consoleError } from '../errors.ts';

/** A part of a page, or why it is missing: a page is useful without any of its parts. */
export type Part<T> = { readonly ok: true; readonly value: T } | { readonly ok: false; readonly why: string };

/** Longest wait of a page for a part. */
const PART_TIMEOUT_MS = 4_000;
const silent = () => consoleError('CONSOLE_UNAVAILABLE', 'it does not answer');

export async function part<T>(
  read: () => Promise<T> | T,
  timeoutMs: number = PART_TIMEOUT_MS,
): Promise<Part<T>> {
  try {
    return { ok: true, value: await within(timeoutMs, async () => read(), { reason: silent }) };
  } catch (thrown) {
    return { ok: false, why: reasonOf(toError(thrown)) };
  }
}

/** Nothing of an address or a password: of what a driver throws only the kind is told. */
function reasonOf(error: Error): string {
  const { code = '' } = error as { readonly code?: string };
  if (/^(CLI|CONSOLE)_/.test(code)) return error.message;
  return code === '' ? 'it could not be read' : `it could not be read (${code})`;
}

/** Those that could not be read, and why. */
export function missingOf(
  services: readonly string[],
  found: readonly Part<unknown>[],
): readonly { readonly service: string; readonly why: string }[] {
  return services.flatMap((service, index) => {
    const one = found[index];
    return one && !one.ok ? [{ service, why: one.why }] : [];
  });
}
