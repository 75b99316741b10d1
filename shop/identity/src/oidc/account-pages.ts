import type { IncomingMessage, ServerResponse } from 'node:http';
import { readForm } from '@flotilla/auth/provider';
import { isRetryable } from '@flotilla/kernel';
import type { Logger } from '@flotilla/telemetry';
import type { LinkPurpose } from '../account-links.ts';
import { WEAKNESSES } from '../domain/password-policy.ts';
import { type AskPasswordResetDeps, askPasswordReset } from '../features/ask-password-reset.ts';
import { type ResetPasswordDeps, resetPassword } from '../features/reset-password.ts';
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
import { errorPage, expiredPage, type Page } from '../pages/pages.ts';
import { writePage } from '../pages/send-page.ts';
import { askerOf } from './asker.ts';
import type { OwnerCheckDeps, OwnerVisit } from './owner-check.ts';
import { type PasskeyStep, servePasskeys } from './passkeys-page.ts';
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
    const page = await read(req)
      .then((form) => {
        if (form !== undefined && !isFromHere(deps, req)) return expiredPage(homeOf(deps));
        return serve(deps, { req, query: new URLSearchParams(query), form, signal });
      })
      .catch((error: unknown) => pageOfFault(deps, path, error));
    writePage(res, page);
    return true;
  };
}

/** What is no form, or too long for one, is an empty one. */
async function read(req: IncomingMessage): Promise<URLSearchParams | undefined> {
  return req.method === 'POST' ? ((await readForm(req)) ?? new URLSearchParams()) : undefined;
}

function pageOfFault({ logger }: AccountPagesDeps, path: string, error: unknown): Page {
  if (isRetryable(error)) {
    const page = errorPage({ error: 'temporarily_unavailable', detail: undefined });
    return { ...page, status: 503, headers: { 'retry-after': '1' } };
  }
  logger.error({ err: error, path }, 'an account page failed');
  return { ...errorPage({ error: 'server_error', detail: undefined }), status: 500 };
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

async function serveForgot(deps: AccountPagesDeps, { req, form }: Visit): Promise<Page> {
  const action = addressOf(deps, '/forgot-password');
  if (form === undefined) return forgotPage({ action, email: '' });
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
  const account = await accountOf(deps, token, 'reset-password');
  if (account === undefined) return deadLink(deps, 'reset-password');
  const view = { action: addressOf(deps, '/reset-password'), token, email: account.email };
  if (form === undefined) return resetPage(view);
  const password = form.get('password') ?? '';
  if (password.length > 1_024)
    return resetPage({ ...view, problem: { text: 'This password is too long.', status: 422 } });
  const address = askerOf(req).address ?? '';
  const reset = await resetPassword(deps, { token, password, address }, signal).catch((error) => {
    if (isRetryable(error)) return 'busy' as const;
    throw error;
  });
  if (reset === 'busy') {
    const text = 'Many people are signing in right now. Try again in a moment.';
    return resetPage({ ...view, problem: { text, status: 503 } });
  }
  if (reset.ok) return passwordChangedPage(homeOf(deps));
  if (reset.rejection.code === 'invalid-link') return deadLink(deps, 'reset-password');
  return resetPage({ ...view, problem: { text: WEAKNESSES[reset.rejection.weakness], status: 422 } });
}

async function serveVerify(deps: AccountPagesDeps, { query, form }: Visit): Promise<Page> {
  const token = (form ?? query).get('token') ?? '';
  if (form !== undefined)
    return (await verifyEmail(deps, token)) ? verifiedPage(homeOf(deps)) : deadLink(deps, 'verify-email');
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

function ownerVisit(deps: AccountPagesDeps, { req, form, signal }: Visit, path: string): OwnerVisit {
  const { address = '', device } = askerOf(req);
  return { action: addressOf(deps, path), home: homeOf(deps), form, address, device, signal };
}

function passkeys(deps: AccountPagesDeps, visit: Visit, step: PasskeyStep): Promise<Page> {
  return servePasskeys(deps, ownerVisit(deps, visit, '/passkeys'), step);
}
