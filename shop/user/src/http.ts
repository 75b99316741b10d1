import { created, handle, noContent, ok, problem, type RouteHandler } from '@flotilla/http';
import { crashPoint, isUuid, type NewId } from '@flotilla/kernel';
import * as contract from '@shop/contracts';
import type { AddressStore, SavedAddress } from './address-store.ts';
import { type Profile, profileOf } from './domain/profile.ts';
import { tagOf } from './domain/version-tag.ts';
import { type ChangeProfileDeps, changeProfile } from './features/change-profile.ts';

export interface UserRoutes extends ChangeProfileDeps {
  readonly addresses: AddressStore;
  readonly newId: NewId;
}

/** The routes of the user service, and which status each outcome has. */
export function userRoutes(deps: UserRoutes): readonly RouteHandler[] {
  return [...profileRoutes(deps), ...addressRoutes(deps)];
}

const NOT_STORED = { 'cache-control': 'no-store' };
const NOBODY = problem(404, 'not-found', 'There is no person behind this token.');

function profileRoutes(deps: UserRoutes): readonly RouteHandler[] {
  return [
    handle(contract.getMe, async ({ principal }) => {
      const profile = (await deps.profiles.find(principal.subject)) ?? profileOf(principal);
      return profile ? showProfile(profile, principal) : NOBODY;
    }),
    handle(contract.updateMe, async ({ principal, headers, body }) => {
      const known = profileOf(principal);
      if (!known) return NOBODY;
      const changed = await changeProfile(deps, known, body, headers['if-match']);
      if (changed.ok) return showProfile(changed.value, principal);
      return changed.rejection === 'erased' ? NOBODY : refuseChange(changed.rejection);
    }),
  ];
}

const PAGE = 50;
const NO_ADDRESS = problem(404, 'address-not-found', 'You have no such address.');

function addressRoutes({ addresses, newId }: UserRoutes): readonly RouteHandler[] {
  return [
    handle(contract.listAddresses, async ({ principal, query: { limit = PAGE, cursor } }) => {
      const afterId = cursor && Buffer.from(cursor, 'base64url').toString();
      if (afterId !== undefined && !isUuid(afterId))
        return problem(400, 'invalid-cursor', 'This is not a cursor of this list.');
      const found = await addresses.list(principal.subject, limit + 1, afterId);
      const items = found.slice(0, limit);
      const last = items.at(-1)?.id ?? '';
      const next = found.length > limit ? Buffer.from(last).toString('base64url') : null;
      return ok({ items, next }, NOT_STORED);
    }),
    handle(contract.addAddress, async ({ principal, body: address }) => {
      crashPoint('user.before-add-address');
      const added = await addresses.add(principal.subject, newId(), address, contract.MAX_ADDRESSES);
      crashPoint('user.after-add-address');
      if (!added)
        return problem(
          422,
          'too-many-addresses',
          `${contract.MAX_ADDRESSES} addresses are kept at most: remove one first.`,
        );
      const headers = { location: `/me/addresses/${added.id}`, etag: tagOf(added.version) };
      return created(added, headers);
    }),
    handle(contract.putAddress, async ({ principal, params: { id }, headers, body }) => {
      const outcome = await addresses.put(principal.subject, id, body, headers['if-match']);
      if (outcome === 'unknown') return NO_ADDRESS;
      return 'changedTo' in outcome ? refuseChange(outcome) : showAddress(outcome);
    }),
    handle(contract.deleteAddress, async ({ principal, params: { id }, headers }) => {
      const outcome = await addresses.remove(principal.subject, id, headers['if-match']);
      if (outcome === 'unknown') return NO_ADDRESS;
      return outcome === 'removed' ? noContent() : refuseChange(outcome);
    }),
    handle(contract.makeDefaultAddress, async ({ principal, params: { id } }) => {
      crashPoint('user.before-prefer-address');
      const outcome = await addresses.prefer(principal.subject, id);
      crashPoint('user.after-prefer-address');
      return outcome === 'unknown' ? NO_ADDRESS : noContent();
    }),
  ];
}

function showAddress(saved: SavedAddress) {
  return ok(saved, { etag: tagOf(saved.version) });
}

/** Role and tenant are identity's to give: they are what the token says. */
function showProfile(
  { userId: id, registeredAt, ...profile }: Profile,
  { role = 'Customer', tenantId = null }: { readonly role?: string; readonly tenantId?: string | null },
) {
  const { email, name, locale, notifications, version } = profile;
  const createdAt = registeredAt.toISOString();
  return ok(
    { id, email, name, role, tenantId, locale, notifications, version, createdAt },
    { ...NOT_STORED, etag: tagOf(version) },
  );
}

function refuseChange({ changedTo }: { readonly changedTo: number }) {
  return {
    ...problem(412, 'version-changed', 'It was changed in the meantime: read it again.'),
    headers: { etag: tagOf(changedTo) },
  };
}
