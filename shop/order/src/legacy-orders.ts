import type { LegacyRecord } from './domain/moved-order.ts';

/** What the order service asks of the monolith. Every change may be repeated. */
export interface LegacyOrders {
  /** By number, a page after this one; `isLeft`: those that the monolith still decides about. */
  list(after: number, isLeft: boolean, signal: AbortSignal): Promise<readonly LegacyRecord[]>;
  find(number: number, signal: AbortSignal): Promise<LegacyRecord | undefined>;
  /** From here on we decide about it; not if it is another one than was read. */
  handOver(number: number, version: number, signal: AbortSignal): Promise<'moved' | 'version-changed'>;
  /** We have cancelled it: goods and money go back where they were taken. */
  settle(number: number, cancellation: Cancellation, signal: AbortSignal): Promise<void>;
  closeIntake(signal: AbortSignal): Promise<void>;
}

export interface Cancellation {
  readonly at: Date;
  readonly reason: string;
}
