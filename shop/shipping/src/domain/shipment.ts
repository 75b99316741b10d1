import { accept, canonicalJson, type Result, reject } from '@flotilla/kernel';

export interface Address {
  readonly name: string;
  readonly line1: string;
  readonly city: string;
  readonly postalCode: string;
  readonly country: string;
}

export interface ShipmentItem {
  readonly productId: string;
  readonly quantity: number;
}

export interface ShipmentRequest {
  readonly orderId: string;
  readonly address: Address;
  readonly items: readonly ShipmentItem[];
}

export type Shipment = ShipmentRequest & { readonly id: string } & (
    | { readonly status: 'created'; readonly trackingNumber: string }
    | { readonly status: 'refused'; readonly reason: string }
  );

/** ISO 3166-1 keeps XX free for private use; here it stands for anywhere the carrier does not go. */
const UNSERVED: ReadonlySet<string> = new Set(['XX']);

/** Can the carrier deliver there? */
export function decideShipment(request: ShipmentRequest): Result<'ship', string> {
  return UNSERVED.has(request.address.country) ? reject('shipping-unavailable') : accept('ship');
}

/** Does a repeated request ask for the same shipment? The order of the lines does not matter. */
export function isSameRequest(one: ShipmentRequest, other: ShipmentRequest): boolean {
  return fingerprint(one) === fingerprint(other);
}

function fingerprint({ address, items }: ShipmentRequest): string {
  return canonicalJson([address, items.map((item) => canonicalJson(item)).sort()]);
}
