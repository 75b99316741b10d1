import type { IncomingMessage, ServerResponse } from 'node:http';
import { isRetryable } from '@flotilla/kernel';
import type { Logger } from '@flotilla/telemetry';
import type { LinkPurpose } from '../account-links.ts';
import { WEAKNESSES } from '../domain/password-policy.ts';
import { orBusy } from '../errors.ts';
import { type AskPasswordResetDeps, askPasswordReset } from '../features/ask-password-reset.ts';
import { authenticate } from '../features/authenticate.ts';
import { type PasswordReset, type ResetPasswordDeps, resetPassword } from '../features/reset-password.ts';
import { type VerifyEmailDeps, verifyEmail } from '../features/verify-email.ts';
import {
  deadLinkPage,
  forgotPage,
  linkSentPage,
  passwordChangedPage,
  resetPage,
  verifiedPage,
  verifyPage,
} from '../pages/account-pages.ts';
import { BUSY, errorPage, expiredPage, type Page, RETRY_SECONDS, unavailablePage } from '../pages/pages.ts';
import { writePage } from '../pages/send-page.ts';
import { askerOf } from './asker.ts';
import type { OwnerCheckDeps, OwnerVisit } from './owner-check.ts';
import { type PasskeyStep, servePasskeys } from './passkeys-page.ts';
import { againOf, readPosted } from './posted-form.ts';
import { secondFactorPage } from './second-factor-page.ts';

export interface AccountPagesDeps
  extends AskPasswordResetDeps,
    ResetPasswordDeps,
    VerifyEmailDeps,
    OwnerCheckDeps {
  readonly issuer: string;
  readonly logger: Logger;
}

interface Visit {
  readonly req: IncomingMessage;
  /** Of the address, and what was typed before a fault. */
  readonly query: URLSearchParams;
  /** What was posted; `undefined` when the page is only opened. */
  readonly form: URLSearchParams | undefined;
  readonly signal: AbortSignal;
}

type Serve = (deps: AccountPagesDeps, visit: Visit) => Promise<Page>;

const PAGES: Readonly<Record<string, Serve>> = {
  '/forgot-password': serveForgot,
  '/reset-password': serveReset,
  '/verify-email': serveVerify,
  '/second-factor': (deps, visit) => secondFactorPage(deps, ownerVisit(deps, visit, '/second-factor')),
  '/passkeys': (deps, visit) => passkeys(deps, visit, 'list'),
  '/passkeys/add': (deps, visit) => passkeys(deps, visit, 'add'),
  '/passkeys/remove': (deps, visit) => passkeys(deps, visit, 'remove'),
};

export type ServeAccountPage = (
  req: IncomingMessage,
  res: ServerResponse,
  signal: AbortSignal,
) => Promise<boolean>;

/** Pages of an account that need no login. `false`: the address is none of theirs. */
export function createAccountPages(deps: AccountPagesDeps): ServeAccountPage {
  return async (req, res, signal) => {
    const [path = '', query = ''] = (req.url ?? '').split(/\?(.*)/s);
    const serve = Object.hasOwn(PAGES, path) ? PAGES[path] : undefined;
    if (serve === undefined) return false;
    const posted = await readPosted(req);
    const { form, typed } = posted;
    const page = async () => {
      if (req.method === 'POST' && !isFromHere(deps, req)) return expiredPage(homeOf(deps));
      const asked = new URLSearchParams([...new URLSearchParams(query), ...typed]);
      return await serve(deps, { req, query: asked, form, signal });
    };
    const shown = await page().catch((error: unknown) => {
      if (signal.aborted) return undefined;
      deps.logger.error({ err: error, path }, 'an account page failed');
      if (isRetryable(error)) return unavailablePage(againOf(addressOf(deps, path), posted));
      return { ...errorPage({ error: 'server_error', detail: undefined }), status: 500 };
    });
    if (shown !== undefined) writePage(res, shown);
    return true;
  };
}

/** Browsers say where a form comes from. */
function isFromHere({ issuer }: AccountPagesDeps, { headers }: IncomingMessage): boolean {
  return headers.origin === undefined || headers.origin === new URL(issuer).origin;
}

function homeOf({ issuer }: AccountPagesDeps): string {
  return `${new URL(issuer).origin}/`;
}

function addressOf({ issuer }: AccountPagesDeps, path: string): string {
  return `${new URL(issuer).pathname.replace(/\/$/, '')}${path}`;
}

async function serveForgot(deps: AccountPagesDeps, { req, query, form }: Visit): Promise<Page> {
  const action = addressOf(deps, '/forgot-password');
  if (form === undefined) return forgotPage({ action, email: (query.get('email') ?? '').slice(0, 254) });
  const email = (form.get('email') ?? '').trim();
  if (!/^[^\p{Cc}\p{Cs}\s]{1,254}$/u.test(email))
    return forgotPage({ action, email: email.slice(0, 254), problem: { kind: 'missing' } });
  const address = askerOf(req).address ?? '';
  const asked = await askPasswordReset(deps, { email, address });
  if (asked.ok) return linkSentPage();
  const seconds = Math.ceil(asked.rejection / 1_000);
  return forgotPage({ action, email, problem: { kind: 'wait', seconds } });
}

async function serveReset(deps: AccountPagesDeps, { req, query, form, signal }: Visit): Promise<Page> {
  const token = (form ?? query).get('token') ?? '';
  const address = askerOf(req).address ?? '';
  const password = form?.get('password') ?? '';
  const account = await accountOf(deps, token, 'reset-password');
  if (account === undefined) return await changedBefore(deps, { token, password, address }, signal);
  const view = { action: addressOf(deps, '/reset-password'), token, email: account.email };
  if (form === undefined) return resetPage(view);
  if (password.length > 1_024)
    return resetPage({ ...view, problem: { text: 'This password is too long.', status: 422 } });
  const reset = await resetPassword(deps, { token, password, address }, signal).catch(orBusy);
  if (reset === 'busy')
    return resetPage({ ...view, problem: { text: BUSY, status: 503, retryAfterSeconds: RETRY_SECONDS } });
  if (reset.ok) return passwordChangedPage(homeOf(deps));
  if (reset.rejection.code === 'invalid-link')
    return await changedBefore(deps, { token, password, address }, signal);
  return resetPage({ ...view, problem: { text: WEAKNESSES[reset.rejection.weakness], status: 422 } });
}

/** A form that was sent twice has done what it says, when this is the password now. */
async function changedBefore(
  deps: AccountPagesDeps,
  { token, password, address }: PasswordReset,
  signal: AbortSignal,
): Promise<Page> {
  const accountId = password === '' ? undefined : await deps.links.justSpent(token, 'reset-password');
  const account = accountId === undefined ? undefined : await deps.accounts.find(accountId);
  if (account === undefined) return deadLink(deps, 'reset-password');
  const known = await authenticate(deps, { email: account.email, password, address }, signal);
  const isSame = known.ok || known.rejection.code === 'second-factor-required';
  return isSame ? passwordChangedPage(homeOf(deps)) : deadLink(deps, 'reset-password');
}

async function serveVerify(deps: AccountPagesDeps, { query, form }: Visit): Promise<Page> {
  const token = (form ?? query).get('token') ?? '';
  if (form !== undefined) {
    const isVerified =
      (await verifyEmail(deps, token)) || (await deps.links.justSpent(token, 'verify-email')) !== undefined;
    return isVerified ? verifiedPage(homeOf(deps)) : deadLink(deps, 'verify-email');
  }
  const account = await accountOf(deps, token, 'verify-email');
  if (account === undefined) return deadLink(deps, 'verify-email');
  return verifyPage({ action: addressOf(deps, '/verify-email'), token, email: account.email });
}

/** Only looks at the link. */
async function accountOf({ links, accounts }: AccountPagesDeps, token: string, purpose: LinkPurpose) {
  const link = await links.find(token, purpose);
  return link && (await accounts.find(link.accountId));
}

function deadLink(deps: AccountPagesDeps, purpose: LinkPurpose): Page {
  return deadLinkPage(
    purpose === 'reset-password'
      ? { href: addressOf(deps, '/forgot-password'), text: 'Ask for a new link' }
      : { href: homeOf(deps), text: 'Go to the start page' },
  );
}

function ownerVisit(deps: AccountPagesDeps, { req, query, form, signal }: Visit, path: string): OwnerVisit {
  const { address = '', device } = askerOf(req);
  const email = (query.get('email') ?? '').slice(0, 254);
  return { action: addressOf(deps, path), home: homeOf(deps), form, email, address, device, signal };
}

function passkeys(deps: AccountPagesDeps, visit: Visit, step: PasskeyStep): Promise<Page> {
  return servePasskeys(deps, ownerVisit(deps, visit, '/passkeys'), step);
}
