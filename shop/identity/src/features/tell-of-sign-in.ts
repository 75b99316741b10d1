import type { Clock } from '@flotilla/kernel';
import type { Outbox } from '@flotilla/messaging';
import type { Transaction } from '@flotilla/postgres';
import { signedInElsewhere } from '@shop/contracts';
import type { Account } from '../domain/account.ts';

export interface TellOfSignInDeps {
  readonly outbox: Outbox;
  readonly clock: Pick<Clock, 'now'>;
}

export interface SignInPlace {
  readonly device: string | undefined;
  readonly address: string | undefined;
}

/** `known` sees the table as it was before the row is added. */
const REMEMBER = `
  WITH known AS (
    SELECT count(*)::int AS places, coalesce(bool_or(device = $2), false) AS device,
      coalesce(bool_or(address = $3), false) AS address
    FROM sign_in_place WHERE account_id = $1 AND seen_at > $4::timestamptz - interval '90 days'),
  seen AS (
    INSERT INTO sign_in_place (account_id, device, address, seen_at) VALUES ($1, $2, $3, $4)
    ON CONFLICT (account_id, device, address) DO UPDATE SET seen_at = excluded.seen_at)
  SELECT places, device, address FROM known`;

interface Known {
  readonly places: number;
  readonly device: boolean;
  readonly address: boolean;
}

/**
 * Remembers where an account was signed in from. The owner is told of a device, or of a network address, that was not seen in 90
 * days; the first time there is nothing to compare with.
 */
export async function tellOfSignIn(
  { outbox, clock }: TellOfSignInDeps,
  tx: Transaction,
  { id, email, name }: Pick<Account, 'id' | 'email' | 'name'>,
  { device, address }: SignInPlace,
): Promise<void> {
  const now = clock.now();
  const [known] = await tx.query<Known>(REMEMBER, [id, device ?? '', address ?? '', now]);
  if (known === undefined || known.places === 0 || (known.device && known.address)) return;
  const place = { device: device ?? null, address: address ?? null, signedInAt: now.toISOString() };
  await outbox.publish(tx, signedInElsewhere, { userId: id, email, name, ...place });
}
