/**
 * Why a request was refused before anything was done for it. Callers treat them differently:
 * - `overload`: no second attempt, it would make things worse; no mark against the instance.
 * - `draining`: another instance at once; this one gets no more calls.
 * - `deadline`: the caller's own time is up.
 * - `circuit`: something further away fails and is left alone; neither repeated nor held against the instance.
 */
export type RefusalReason = 'overload' | 'draining' | 'deadline' | 'circuit';

/** On a response: its refusal, one of `RefusalReason`. */
export const REFUSED_FIELD = 'x-flotilla-refused';
/**
 * On a response: the service nearest to the failure, which decided about repeating it. Services above do not repeat
 * it then, or attempts would multiply from hop to hop.
 */
export const RETRY_OWNER_FIELD = 'x-flotilla-retry-owner';
/** On a repeated request: the service that handles it repeats none of its own calls. */
export const RETRY_ATTEMPT_FIELD = 'x-flotilla-retry-attempt';
/** On a request: it matters no more than this. */
export const PRIORITY_FIELD = 'x-flotilla-priority';
/** On a response that was served all the same: send no further requests. */
export const DRAINING_FIELD = 'x-flotilla-draining';

const REASONS: ReadonlySet<string> = new Set(['overload', 'draining', 'deadline', 'circuit']);

/** What a foreign text says, `undefined` when it says nothing known. */
export function refusalReason(text: string | undefined): RefusalReason | undefined {
  return text !== undefined && REASONS.has(text) ? (text as RefusalReason) : undefined; // looked up above
}
