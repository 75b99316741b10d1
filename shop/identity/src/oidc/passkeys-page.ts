import type { StoredAccount } from '../account-store.ts';
import { addPasskey, MOST_PASSKEYS, removePasskey } from '../features/passkeys.ts';
import { deadLinkPage } from '../pages/account-pages.ts';
import { recoveryCodesPage } from '../pages/code-pages.ts';
import { PASSKEY_REFUSED, type Page } from '../pages/pages.ts';
import { noPasskeysPage, type PasskeysView, passkeysPage } from '../pages/passkey-pages.ts';
import type { Ceremonies } from '../second-factor/webauthn.ts';
import { checkOwner, type OwnerCheckDeps, type OwnerVisit, ownerByPassword } from './owner-check.ts';

const PURPOSE = {
  title: 'Your passkeys',
  lead: 'With one you sign in by your finger, face or PIN.',
};
const CONTEXT = 'the list of passkeys';

export type PasskeyStep = 'list' | 'add' | 'remove';

/** The owner, then their passkeys: one more, or one less. Who they are is in a sealed field of the forms. */
export async function servePasskeys(
  deps: OwnerCheckDeps,
  visit: OwnerVisit,
  step: PasskeyStep,
): Promise<Page> {
  const { ceremonies } = deps;
  if (ceremonies === undefined) return noPasskeysPage(visit.home);
  if (step === 'list' || visit.form === undefined) {
    const checked = await checkOwner(deps, visit, PURPOSE);
    return checked.ok ? await list({ deps, ceremonies, visit, account: checked.value }) : checked.rejection;
  }
  const account = await ownerByPassword(deps, visit.form, CONTEXT);
  if (account === undefined) return deadLinkPage({ href: visit.action, text: 'Begin again' });
  const at = { deps, ceremonies, visit, account };
  return step === 'add' ? await add(at, visit.form) : await remove(at, visit.form);
}

interface Place {
  readonly deps: OwnerCheckDeps;
  readonly ceremonies: Ceremonies;
  readonly visit: OwnerVisit;
  readonly account: StoredAccount;
}

async function list(
  { deps, ceremonies, visit, account }: Place,
  outcome: Pick<PasskeysView, 'done' | 'problem'> = {},
): Promise<Page> {
  const { id: accountId, version, email } = account;
  const passkeys = await deps.passkeys.list(accountId);
  return passkeysPage({
    ...{ action: visit.action, home: visit.home, email, passkeys },
    ticket: deps.tickets.make({ accountId, version }, CONTEXT),
    options:
      passkeys.length < MOST_PASSKEYS
        ? ceremonies.askNew(challengeFor(account), account, passkeys)
        : undefined,
    ...outcome,
  });
}

function challengeFor({ id }: StoredAccount): string {
  return `a new passkey of ${id}`;
}

async function add(at: Place, form: URLSearchParams): Promise<Page> {
  const { deps, visit, account } = at;
  const given = {
    answer: form.get('answer') ?? '',
    context: challengeFor(account),
    name: visit.device ?? 'A passkey',
  };
  const added = await addPasskey(deps, account, given);
  if (!added.ok) return await list(at, { problem: { text: PASSKEY_REFUSED, status: 422 } });
  if (added.value !== undefined) return recoveryCodesPage(added.value, visit.action);
  return await list(at, { done: 'added' });
}

async function remove(at: Place, form: URLSearchParams): Promise<Page> {
  const isRemoved = await removePasskey(at.deps, at.account, form.get('passkey') ?? '');
  return await list(at, isRemoved ? { done: 'removed' } : {});
}
