import { handle, ok, type RouteHandler } from '@flotilla/http';
import { crashPoint } from '@flotilla/kernel';
import type { Database } from '@flotilla/postgres';
import { erasePerson, exportPerson } from '@shop/contracts';

const PAGE = 200;

/** Mails that were written before they had an owner are found by their address. */
const OF_PERSON = '(user_id = $1 OR (user_id IS NULL AND lower(recipient) = lower($2)))';

const EXPORT = `
  SELECT number::text, json_build_object('to', recipient, 'subject', subject, 'text', body, 'at', created_at) AS mail
  FROM mail WHERE ${OF_PERSON} AND number > $3::bigint ORDER BY number LIMIT ${PAGE}`;

const ERASE = `
  WITH chosen AS (DELETE FROM recipient WHERE user_id = $1)
  DELETE FROM mail WHERE ${OF_PERSON}`;

/** What notification knows of a person, for the user service. */
export function peopleRoutes(db: Database): readonly RouteHandler[] {
  return [
    handle(exportPerson, async ({ params: { userId }, query: { cursor = '' }, body: { email = '' } }) => {
      const after = /^\d{1,18}$/.test(cursor) ? cursor : '0';
      const rows = await db.query<{ number: string; mail: unknown }>(EXPORT, [userId, email, after]);
      const next = rows.length === PAGE ? (rows.at(-1)?.number ?? null) : null;
      return ok({ data: { mails: rows.map(({ mail }) => mail) }, next });
    }),
    handle(erasePerson, async ({ params: { userId }, body: { email = '' } }) => {
      crashPoint('notification.before-erase-person');
      await db.query(ERASE, [userId, email]);
      crashPoint('notification.after-erase-person');
      return ok({ erased: ['mails', 'preferences'], kept: [] });
    }),
  ];
}
