import { PlatformError } from '@flotilla/kernel';

/**
 * - `ORDER_ILLEGAL_TRANSITION`: the rules of an order do not allow this move. A defect, or a late repetition.
 * - `ORDER_MISSING`: an order that was accepted is not in the store.
 * - `ORDER_FLOW_MISMATCH`: an event is about an order that does not run by events.
 */
export type OrderErrorCode = 'ORDER_ILLEGAL_TRANSITION' | 'ORDER_MISSING' | 'ORDER_FLOW_MISMATCH';

export function orderError(
  code: OrderErrorCode,
  message: string,
  details: Readonly<Record<string, string>>,
): PlatformError<OrderErrorCode> {
  return new PlatformError(code, message, { details });
}
