import { PlatformError } from '@flotilla/kernel';

/** `SHIPMENT_MISMATCH`: the order was shipped to another address or with other items than it is to be shipped now. */
export type ShippingErrorCode = 'SHIPMENT_MISMATCH';

export function shippingError(
  code: ShippingErrorCode,
  message: string,
  details: Readonly<Record<string, string>>,
): PlatformError<ShippingErrorCode> {
  return new PlatformError(code, message, { details });
}
