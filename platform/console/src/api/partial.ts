import { toError } from '@flotilla/kernel';

/** A part of a page, or why it is missing: a page is useful without any of its parts. */
export type Part<T> = { readonly ok: true; readonly value: T } | { readonly ok: false; readonly why: string };

/** No longer than that does a page wait for a part. */
const PATIENCE_MS = 4_000;

export async function part<T>(read: () => Promise<T> | T): Promise<Part<T>> {
  const late = Promise.withResolvers<Part<T>>();
  const timer = setTimeout(() => late.resolve({ ok: false, why: 'it does not answer' }), PATIENCE_MS);
  try {
    return await Promise.race([
      late.promise,
      Promise.resolve(read()).then((value) => ({ ok: true as const, value })),
    ]);
  } catch (thrown) {
    return { ok: false, why: reasonOf(toError(thrown)) };
  } finally {
    clearTimeout(timer);
  }
}

/** Nothing of an address or a password: of what a driver throws only the kind is told. */
function reasonOf(error: Error): string {
  const { code = '' } = error as { readonly code?: string };
  if (/^(CLI|CONSOLE)_/.test(code)) return error.message;
  return code === '' ? 'it could not be read' : `it could not be read (${code})`;
}
