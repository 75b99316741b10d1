/**
 * Where an event stands among all events: the number of its transaction, then its own. Both are 64-bit numbers as
 * text. Only this pair is an order in which nothing appears behind a reader's back.
 */
export interface FeedPosition {
  readonly xid: string;
  readonly position: string;
}

/** Before the first event. */
export const FEED_START: FeedPosition = { xid: '0', position: '0' };

/** Negative when `a` comes before `b`. */
export function comparePositions(a: FeedPosition, b: FeedPosition): number {
  return compare(BigInt(a.xid), BigInt(b.xid)) || compare(BigInt(a.position), BigInt(b.position));
}

function compare(a: bigint, b: bigint): number {
  return a < b ? -1 : a > b ? 1 : 0;
}
