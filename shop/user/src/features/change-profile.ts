import { accept, type Clock, crashPoint, type Result, reject } from '@flotilla/kernel';
import type { Outbox } from '@flotilla/messaging';
import type { Database } from '@flotilla/postgres';
import { profileChanged } from '@shop/contracts';
import { change, type Profile, type ProfileChange } from '../domain/profile.ts';
import { isMatched } from '../domain/version-tag.ts';
import type { ProfileStore } from '../profile-store.ts';

export interface ChangeProfileDeps {
  readonly db: Database;
  readonly outbox: Outbox;
  readonly profiles: ProfileStore;
  readonly clock: Pick<Clock, 'now'>;
}

/** The profile is another one than the caller has seen, or its person is being erased: nothing was changed. */
export type ProfileRejection = { readonly changedTo: number } | 'erased';

/**
 * Changes the caller's profile and tells those who keep copies of it, both or neither. `known` is what the token says: it is
 * stored when nothing is yet. A change that changes nothing is told to nobody.
 */
export async function changeProfile(
  { db, outbox, profiles, clock }: ChangeProfileDeps,
  known: Profile,
  to: ProfileChange,
  ifMatch: string | undefined,
): Promise<Result<Profile, ProfileRejection>> {
  crashPoint('user.before-change-profile');
  const changed = await db.transaction(async (tx): Promise<Result<Profile, ProfileRejection>> => {
    await profiles.ensure(tx, known);
    const profile = await profiles.lock(tx, known.userId);
    if (!profile) return reject('erased');
    // Who has read what the token says has seen version 0; with the first row that is as good as 1.
    const isSeen = isMatched(ifMatch, profile.version) || (profile.version === 1 && isMatched(ifMatch, 0));
    if (!isSeen) return reject({ changedTo: profile.version });
    const next = change(profile, to);
    if (!next) return accept(profile);
    await profiles.put(tx, next);
    const { userId, version, name, locale, notifications } = next;
    const changedAt = clock.now().toISOString();
    await outbox.publish(tx, profileChanged, { userId, version, name, locale, notifications, changedAt });
    return accept(next);
  });
  crashPoint('user.after-change-profile');
  return changed;
}
