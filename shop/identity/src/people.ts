import type { Sessions } from '@flotilla/auth/provider';
import { handle, ok, type RouteHandler } from '@flotilla/http';
import { accept, type Clock, crashPoint, isUuid, type Result, reject } from '@flotilla/kernel';
import type { Outbox } from '@flotilla/messaging';
import type { Database } from '@flotilla/postgres';
import { accountChanged, erasePerson, exportPerson } from '@shop/contracts';

export interface PeopleDeps {
  readonly db: Database;
  readonly outbox: Outbox;
  readonly sessions: Sessions;
  readonly clock: Pick<Clock, 'now'>;
}

const EXPORT = `
  SELECT json_build_object('email', email, 'name', name, 'role', role, 'tenantId', tenant_id, 'createdAt', created_at) AS account,
    (SELECT coalesce(json_agg(json_build_object('address', k.address, 'at', k.seen_at)), '[]')
      FROM known_address k WHERE k.account_id = a.id) AS addresses,
    (SELECT coalesce(json_agg(json_build_object('name', p.name, 'createdAt', p.created_at, 'lastUsedAt', p.last_used_at)), '[]')
      FROM passkey p WHERE p.account_id = a.id) AS passkeys
  FROM account a WHERE a.id = $1`;

interface Exported {
  readonly account: unknown;
  readonly addresses: unknown;
  readonly passkeys: unknown;
}

const AUDIT = {
  what: 'what operators did to the account, by its id',
  why: 'who has power over accounts must not be able to cover it',
};

/** What identity knows of a person, for the user service. */
export function peopleRoutes(deps: PeopleDeps): readonly RouteHandler[] {
  return [
    handle(exportPerson, async ({ params: { userId } }) => {
      const [row] = isUuid(userId) ? await deps.db.query<Exported>(EXPORT, [userId]) : [];
      const sessions = (await deps.sessions.list(userId)).map(
        ({ device, address, createdAt, lastUsedAt }) => ({
          ...{ device, address, createdAt: createdAt.toISOString(), lastUsedAt: lastUsedAt.toISOString() },
        }),
      );
      const { account = null, addresses = [], passkeys = [] } = row ?? {};
      return ok({ data: { account, signedInFrom: addresses, passkeys, sessions }, next: null });
    }),
    handle(erasePerson, async ({ params: { userId } }) => {
      const erased = await eraseAccount(deps, userId);
      if (!erased.ok) return { status: 422 as const, body: { reason: erased.rejection } };
      return ok({
        erased: ['account', 'password', 'passkeys', 'sessions', 'where it was signed in from'],
        kept: [AUDIT],
      });
    }),
  ];
}

/**
 * Ends an account and everything that hangs on it; its tokens are refused from now on. Without an administrator nobody could
 * run the shop: the last one stays.
 */
async function eraseAccount(
  { db, outbox, sessions, clock }: PeopleDeps,
  userId: string,
): Promise<Result<null, 'last-administrator'>> {
  if (!isUuid(userId)) return accept(null);
  crashPoint('identity.before-erase-person');
  const erased = await db.transaction(async (tx): Promise<Result<null, 'last-administrator'>> => {
    // In one order, so that of two who go at once the second one sees that it is the last.
    const administrators = await tx.query<{ id: string }>(
      "SELECT id FROM account WHERE role = 'Admin' ORDER BY id FOR UPDATE",
    );
    if (administrators.length === 1 && administrators[0]?.id === userId) return reject('last-administrator');
    const [gone] = await tx.query<{ email_key: string }>(
      'DELETE FROM account WHERE id = $1 RETURNING email_key',
      [userId],
    );
    if (!gone) return accept(null);
    await tx.query('DELETE FROM reset_request WHERE email_key = $1', [gone.email_key]);
    await sessions.endAll(tx, userId, 'account-disabled');
    const changedAt = clock.now().toISOString();
    await outbox.publish(tx, accountChanged, { userId, changedAt, change: 'erased' });
    return accept(null);
  });
  crashPoint('identity.after-erase-person');
  return erased;
}
