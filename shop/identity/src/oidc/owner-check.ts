import { accept, type Result, reject } from '@flotilla/kernel';
import type { StoredAccount } from '../account-store.ts';
import { orBusy } from '../errors.ts';
import { authenticate, type LogInRejection, useCode } from '../features/authenticate.ts';
import { type PasskeyDeps, usePasskey } from '../features/passkeys.ts';
import { type CodeProblem, codePage, ownerPage } from '../pages/code-pages.ts';
import { BUSY, duration, type Page, RETRY_SECONDS } from '../pages/pages.ts';
import type { Tickets } from './tickets.ts';

export interface OwnerCheckDeps extends PasskeyDeps {
  readonly tickets: Tickets;
}

export interface OwnerVisit {
  /** Where the forms of the page go. */
  readonly action: string;
  readonly home: string;
  /** What was posted; `undefined` when the page is only opened. */
  readonly form: URLSearchParams | undefined;
  /** Typed before a fault; otherwise `''`. */
  readonly email: string;
  readonly address: string;
  /** Of the browser, as its owner knows it. */
  readonly device: string | undefined;
  readonly signal: AbortSignal;
}

export interface Purpose {
  readonly title: string;
  readonly lead: string;
}

/** Whoever changes how an account is signed in to shows all that a login takes, signed in or not. Gives a page until they have. */
export async function checkOwner(
  deps: OwnerCheckDeps,
  visit: OwnerVisit,
  purpose: Purpose,
): Promise<Result<StoredAccount, Page>> {
  const { action, form } = visit;
  if (form === undefined) return reject(ownerPage({ ...purpose, action, email: visit.email }));
  const account = await ownerByPassword(deps, form, contextOf(purpose));
  return account === undefined
    ? await takePassword(deps, visit, purpose, form)
    : await takeSecondStep(deps, visit, purpose, { form, account });
}

function contextOf({ title }: Purpose): string {
  return `the step after the password: ${title}`;
}

/** Of the ticket of a form: whose password was right a moment ago. */
export async function ownerByPassword(
  { tickets, accounts }: OwnerCheckDeps,
  form: URLSearchParams,
  context: string,
): Promise<StoredAccount | undefined> {
  const ticket = tickets.read(form.get('ticket') ?? '', context);
  const account = ticket && (await accounts.find(ticket.accountId));
  return account?.version === ticket?.version && account?.isDisabled === false ? account : undefined;
}

async function takePassword(
  deps: OwnerCheckDeps,
  visit: OwnerVisit,
  purpose: Purpose,
  form: URLSearchParams,
): Promise<Result<StoredAccount, Page>> {
  const { action, address, signal } = visit;
  const email = (form.get('email') ?? '').trim().slice(0, 254);
  const password = form.get('password') ?? '';
  const refuse = (problem: string, status: number, retryAfterSeconds?: number) =>
    reject(ownerPage({ ...purpose, action, email, problem, status, retryAfterSeconds }));
  if (email === '' || password === '' || password.length > 1_024)
    return refuse('Enter your e-mail address and your password.', 422);
  const checked = await authenticate(deps, { email, password, address }, signal).catch(orBusy);
  if (checked === 'busy') return refuse(BUSY, 503, RETRY_SECONDS);
  if (checked.ok) return accept(checked.value);
  const { rejection } = checked;
  if (rejection.code === 'second-factor-required')
    return reject(await secondStep(deps, visit, purpose, rejection.account));
  if (rejection.code !== 'too-many-attempts') return refuse(problemOf(rejection), 401);
  return refuse(problemOf(rejection), 429, Math.ceil(rejection.waitMs / 1_000));
}

function problemOf(rejection: LogInRejection): string {
  if (rejection.code === 'account-disabled')
    return 'This account is disabled. Write to the people who run the shop.';
  if (rejection.code !== 'too-many-attempts') return 'The e-mail address or the password is wrong.';
  return `Too many failed attempts. Try again in ${duration(Math.ceil(rejection.waitMs / 1_000))}.`;
}

async function secondStep(
  deps: OwnerCheckDeps,
  { action }: OwnerVisit,
  purpose: Purpose,
  account: StoredAccount,
  problem?: CodeProblem,
): Promise<Page> {
  const { tickets, secondFactors, passkeys, ceremonies } = deps;
  const { id: accountId, version, email } = account;
  const ticket = tickets.make({ accountId, version }, contextOf(purpose));
  const { hasApp } = await secondFactors.state(accountId);
  const known = await passkeys.list(accountId);
  const options = known.length > 0 ? ceremonies?.ask(challengeFor(purpose, accountId), known) : undefined;
  const passkey = options === undefined ? undefined : { action, options, ticket };
  return codePage({ action, ticket, toContinue: `your account, ${email}`, hasApp, passkey, problem });
}

function challengeFor(purpose: Purpose, accountId: string): string {
  return `${contextOf(purpose)} of ${accountId}`;
}

async function takeSecondStep(
  deps: OwnerCheckDeps,
  visit: OwnerVisit,
  purpose: Purpose,
  { form, account }: { readonly form: URLSearchParams; readonly account: StoredAccount },
): Promise<Result<StoredAccount, Page>> {
  const { address } = visit;
  const { id: accountId } = account;
  const again = async (problem: CodeProblem) =>
    reject(await secondStep(deps, visit, purpose, account, problem));
  const answer = form.get('answer');
  if (answer !== null) {
    const context = challengeFor(purpose, accountId);
    const used = await usePasskey(deps, { answer, context, accountId, address });
    return used.ok ? accept(account) : await again({ kind: 'passkey' });
  }
  const code = (form.get('code') ?? '').slice(0, 40);
  const used = await useCode(deps, account, { code, address });
  if (used.ok) return accept(account);
  const { rejection } = used;
  if (rejection.code !== 'too-many-attempts') return await again({ kind: 'wrong' });
  return await again({ kind: 'wait', seconds: Math.ceil(rejection.waitMs / 1_000) });
}
