import { isRetryable } from '@flotilla/kernel';
import { renderSVG } from 'uqr';
import { type AuthenticateDeps, authenticate, type LogInRejection } from '../features/authenticate.ts';
import { confirmSecondFactor, enrol, type TellOfSecondFactorDeps } from '../features/second-factor.ts';
import { deadLinkPage } from '../pages/account-pages.ts';
import { enrolLogInPage, enrolPage, recoveryCodesPage } from '../pages/code-pages.ts';
import { duration, type Page } from '../pages/pages.ts';
import { enrolmentUri, fromBase32 } from '../totp.ts';
import type { Tickets } from './tickets.ts';

export interface SecondFactorPageDeps extends AuthenticateDeps, TellOfSecondFactorDeps {
  readonly tickets: Tickets;
}

export interface SecondFactorVisit {
  readonly action: string;
  readonly home: string;
  readonly form: URLSearchParams | undefined;
  readonly address: string;
  readonly signal: AbortSignal;
}

const CONTEXT = 'a second factor';

/** Password, then the secret as a QR code, then the recovery codes. What is between is in a sealed field of the form. */
export async function secondFactorPage(deps: SecondFactorPageDeps, visit: SecondFactorVisit): Promise<Page> {
  const { action, form } = visit;
  if (form === undefined) return enrolLogInPage({ action, email: '' });
  return form.has('ticket') ? await confirm(deps, visit, form) : await begin(deps, visit, form);
}

async function begin(
  deps: SecondFactorPageDeps,
  visit: SecondFactorVisit,
  form: URLSearchParams,
): Promise<Page> {
  const { action, address, signal } = visit;
  const email = (form.get('email') ?? '').trim().slice(0, 254);
  const password = form.get('password') ?? '';
  const refuse = (problem: string, status: number) => enrolLogInPage({ action, email, problem, status });
  if (email === '' || password === '' || password.length > 1_024)
    return refuse('Enter your e-mail address and your password.', 422);
  const checked = await authenticate(deps, { email, password, address }, signal).catch((error: unknown) => {
    if (isRetryable(error)) return undefined;
    throw error;
  });
  if (checked === undefined)
    return refuse('Many people are signing in right now. Try again in a moment.', 503);
  if (!checked.ok)
    return refuse(problemOf(checked.rejection), checked.rejection.code === 'too-many-attempts' ? 429 : 401);
  const account = checked.value;
  const begun = await enrol(deps, account);
  if (!begun.ok) return refuse(IS_ON, 409);
  const { id: accountId, version } = account;
  const ticket = deps.tickets.make({ accountId, version }, CONTEXT);
  const { secret, uri } = begun.value;
  return enrolPage({ action, ticket, secret, qrCode: renderSVG(uri), isWrong: false });
}

const IS_ON = 'The second factor of this account is on already.';

function problemOf(rejection: LogInRejection): string {
  if (rejection.code === 'second-factor-required') return IS_ON;
  if (rejection.code === 'account-disabled')
    return 'This account is disabled. Write to the people who run the shop.';
  if (rejection.code !== 'too-many-attempts') return 'The e-mail address or the password is wrong.';
  return `Too many failed attempts. Try again in ${duration(Math.ceil(rejection.waitMs / 1_000))}.`;
}

async function confirm(
  deps: SecondFactorPageDeps,
  { action, home }: SecondFactorVisit,
  form: URLSearchParams,
): Promise<Page> {
  const text = form.get('ticket') ?? '';
  const ticket = deps.tickets.read(text, CONTEXT);
  const account = ticket && (await deps.accounts.find(ticket.accountId));
  if (account === undefined || account.version !== ticket?.version)
    return deadLinkPage({ href: action, text: 'Begin again' });
  const codes = await confirmSecondFactor(deps, account.id, (form.get('code') ?? '').slice(0, 40));
  if (codes !== undefined) return recoveryCodesPage(codes, home);
  // As the form says: it is shown again to who typed in a wrong code, and decides nothing.
  const secret = (form.get('secret') ?? '').replaceAll(/[^A-Z2-7]/g, '').slice(0, 64);
  const qrCode = renderSVG(enrolmentUri(fromBase32(secret), account.email));
  return enrolPage({ action, ticket: text, secret, qrCode, isWrong: true });
}
