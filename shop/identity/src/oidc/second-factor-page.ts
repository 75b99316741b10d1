import { renderSVG } from 'uqr';
import type { StoredAccount } from '../account-store.ts';
import { confirmSecondFactor, enrol } from '../features/second-factor.ts';
import { deadLinkPage } from '../pages/account-pages.ts';
import { enrolPage, ownerPage, recoveryCodesPage } from '../pages/code-pages.ts';
import type { Page } from '../pages/pages.ts';
import { enrolmentUri, fromBase32 } from '../second-factor/totp.ts';
import { checkOwner, type OwnerCheckDeps, type OwnerVisit, ownerByPassword } from './owner-check.ts';

const PURPOSE = {
  title: 'Set up a second factor',
  lead: 'Signing in takes a code of an app on your phone then, besides the password.',
};
const CONTEXT = 'a second factor';

/** The owner, then the secret as a QR code, then the recovery codes. What is between is in a sealed field of the form. */
export async function secondFactorPage(deps: OwnerCheckDeps, visit: OwnerVisit): Promise<Page> {
  const { form } = visit;
  if (form?.has('secret')) return await confirm(deps, visit, form);
  const checked = await checkOwner(deps, visit, PURPOSE);
  return checked.ok ? await begin(deps, visit, checked.value) : checked.rejection;
}

async function begin(deps: OwnerCheckDeps, { action }: OwnerVisit, account: StoredAccount): Promise<Page> {
  const { id: accountId, version, email } = account;
  const begun = await enrol(deps, account);
  if (!begun.ok) {
    const problem = 'The second factor of this account is on already.';
    return ownerPage({ ...PURPOSE, action, email, problem, status: 409 });
  }
  const ticket = deps.tickets.make({ accountId, version }, CONTEXT);
  const { secret, uri } = begun.value;
  return enrolPage({ action, ticket, secret, qrCode: renderSVG(uri), isWrong: false });
}

async function confirm(
  deps: OwnerCheckDeps,
  { action, home }: OwnerVisit,
  form: URLSearchParams,
): Promise<Page> {
  const account = await ownerByPassword(deps, form, CONTEXT);
  if (account === undefined) return deadLinkPage({ href: action, text: 'Begin again' });
  const codes = await confirmSecondFactor(deps, account.id, (form.get('code') ?? '').slice(0, 40));
  if (codes !== undefined) return recoveryCodesPage(codes, home);
  // As the form says: it is shown again to who typed in a wrong code, and decides nothing.
  const secret = (form.get('secret') ?? '').replaceAll(/[^A-Z2-7]/g, '').slice(0, 64);
  const qrCode = renderSVG(enrolmentUri(fromBase32(secret), account.email));
  return enrolPage({ action, ticket: form.get('ticket') ?? '', secret, qrCode, isWrong: true });
}
