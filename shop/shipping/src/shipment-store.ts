import type { NewId } from '@flotilla/kernel';
import type { Queryable } from '@flotilla/postgres';
import type { Address, Shipment, ShipmentItem, ShipmentRequest } from './domain/shipment.ts';
import { trackingNumber } from './domain/tracking-number.ts';

export interface ShipmentStore {
  find(orderId: string): Promise<Shipment | undefined>;
  /** Records a shipment, or its refusal, unless the order has one; returns the one that counts. */
  record(request: ShipmentRequest, refusalReason: string | undefined): Promise<Shipment>;
}

/** `db` is the pool, or a transaction that the record shall be a part of. */
export function createShipmentStore(db: Queryable, newId: NewId): ShipmentStore {
  const find = async (orderId: string): Promise<Shipment | undefined> => {
    const [row] = await db.query<ShipmentRow>('SELECT * FROM shipment WHERE order_id = $1', [orderId]);
    return row && toShipment(row);
  };
  return {
    find,
    record: async (request, refusalReason) => {
      const tracking = refusalReason === undefined ? await nextTrackingNumber(db) : null;
      await db.query(
        `INSERT INTO shipment (id, order_id, status, refusal_reason, tracking_number, address, items)
         VALUES ($1, $2, $3, $4, $5, $6, $7::text::jsonb) ON CONFLICT (order_id) DO NOTHING`,
        [
          newId(),
          request.orderId,
          refusalReason === undefined ? 'created' : 'refused',
          refusalReason ?? null,
          tracking,
          request.address,
          JSON.stringify(request.items),
        ],
      );
      const recorded = await find(request.orderId);
      if (!recorded) throw new Error('a shipment vanished');
      return recorded;
    },
  };
}

async function nextTrackingNumber(db: Queryable): Promise<string> {
  const [row] = await db.query<{ serial: string }>("SELECT nextval('parcel_serial') AS serial");
  return trackingNumber(Number(row?.serial));
}

interface ShipmentRow {
  readonly id: string;
  readonly order_id: string;
  readonly status: Shipment['status'];
  readonly refusal_reason: string | null;
  readonly tracking_number: string | null;
  readonly address: Address;
  readonly items: readonly ShipmentItem[];
}

function toShipment(row: ShipmentRow): Shipment {
  const request = { id: row.id, orderId: row.order_id, address: row.address, items: row.items };
  return row.status === 'created'
    ? { ...request, status: 'created', trackingNumber: row.tracking_number ?? '' }
    : { ...request, status: 'refused', reason: row.refusal_reason ?? '' };
}
