import { crashPoint } from '@flotilla/kernel';
import type { Database } from '@flotilla/postgres';
import type { DataHolder } from './data-holder.ts';

const EXPORT = `
  SELECT (SELECT json_build_object('email', p.email, 'name', p.name, 'locale', p.locale,
      'notifications', json_build_object('orders', p.notify_orders, 'shipping', p.notify_shipping),
      'registeredAt', p.registered_at) FROM profile p WHERE p.user_id = $1) AS profile,
    (SELECT coalesce(json_agg(json_build_object('name', a.name, 'line1', a.line1, 'city', a.city,
      'postalCode', a.postal_code, 'country', a.country, 'isDefault', a.is_default) ORDER BY a.id), '[]')
      FROM address a WHERE a.user_id = $1) AS addresses`;

const ERASE = `
  WITH profiles AS (DELETE FROM profile WHERE user_id = $1),
    exports AS (DELETE FROM person_export WHERE user_id = $1),
    parts AS (DELETE FROM person_export_part WHERE user_id = $1)
  DELETE FROM address WHERE user_id = $1`;

/** What this service itself knows of people. */
export function createOwnHolder(db: Database): DataHolder {
  return {
    name: 'user',
    export: async ({ userId }) => {
      const [row] = await db.query<{ profile: unknown; addresses: unknown }>(EXPORT, [userId]);
      return { data: { profile: row?.profile ?? null, addresses: row?.addresses ?? [] }, orderIds: [] };
    },
    erase: async ({ userId }) => {
      crashPoint('user.before-erase-own');
      await db.query(ERASE, [userId]);
      crashPoint('user.after-erase-own');
      return {
        erased: ['profile', 'addresses', 'collected data'],
        kept: [
          {
            what: 'that the account with this id was erased, and when',
            why: 'so that nothing that arrives later is kept again',
          },
        ],
        orderIds: [],
      };
    },
  };
}
