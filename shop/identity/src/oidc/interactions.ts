import type { IncomingMessage, ServerResponse } from 'node:http';
import type { ProviderScope, Sessions } from '@flotilla/auth/provider';
import { isRetryable } from '@flotilla/kernel';
import { errors, type InteractionResults, type Provider } from 'oidc-provider';
import type { AccountStore, StoredAccount } from '../account-store.ts';
import { acrOf, type Methods } from '../domain/assurance.ts';
import { orBusy } from '../errors.ts';
import { authenticate, type LogInRejection, useCode } from '../features/authenticate.ts';
import { type PasskeyDeps, usePasskey } from '../features/passkeys.ts';
import { type TellOfSignInDeps, tellOfSignIn } from '../features/tell-of-sign-in.ts';
import { type CodeProblem, codePage } from '../pages/code-pages.ts';
import {
  consentPage,
  errorPage,
  expiredPage,
  type LogInProblem,
  logInPage,
  unavailablePage,
} from '../pages/pages.ts';
import { writePage } from '../pages/send-page.ts';
import { type SignUpProblem, signUpPage } from '../pages/sign-up-page.ts';
import { askerOf } from './asker.ts';
import type { Client } from './clients.ts';
import { againOf, type Posted, readPosted } from './posted-form.ts';
import { type SignUpStepDeps, signUpByForm, typedBy } from './sign-up-step.ts';
import type { LoginResult } from './stale-logins.ts';
import type { Tickets } from './tickets.ts';

export interface InteractionDeps extends PasskeyDeps, TellOfSignInDeps, SignUpStepDeps {
  readonly issuer: string;
  readonly clients: readonly Client[];
  readonly accounts: AccountStore;
  readonly scope: ProviderScope;
  readonly sessions: Sessions;
  readonly tickets: Tickets;
  readonly provider: () => Provider;
}

type Interaction = Awaited<ReturnType<Provider['interactionDetails']>>;

interface Visit {
  readonly req: IncomingMessage;
  readonly res: ServerResponse;
  readonly interaction: Interaction;
  /** The last part of the address: `''` for the page that is due. */
  readonly step: string;
  readonly posted: Posted;
  readonly signal: AbortSignal;
}

export type ServeInteraction = (
  req: IncomingMessage,
  res: ServerResponse,
  signal: AbortSignal,
) => Promise<void>;

/** The pages between a client's request and its response: sign in, agree, or not. They work without scripts, but for passkeys. */
export function createInteractions(deps: InteractionDeps): ServeInteraction {
  return async (req, res, signal) => {
    const [path = ''] = (req.url ?? '').split('?');
    const [, step = ''] = /^\/interaction\/[\w-]+\/?([a-z-]*)$/.exec(path) ?? [];
    const posted = await readPosted(req);
    try {
      if (req.method === 'POST' && !isFromHere(deps, req)) return writePage(res, expiredPage(homeOf(deps)));
      const interaction = await deps.provider().interactionDetails(req, res);
      await serve(deps, { req, res, interaction, step, posted, signal });
    } catch (error) {
      if (res.headersSent || signal.aborted) return;
      if (error instanceof errors.SessionNotFound) return writePage(res, expiredPage(homeOf(deps)));
      deps.logger.error({ err: error }, 'a login page failed');
      if (isRetryable(error))
        return writePage(res, unavailablePage(againOf(`${pathOf(deps)}${path}`, posted)));
      writePage(res, { ...errorPage({ error: 'server_error', detail: undefined }), status: 500 });
    }
  };
}

async function serve(deps: InteractionDeps, visit: Visit): Promise<void> {
  const { interaction, step } = visit;
  const { form } = visit.posted;
  if (form === undefined) return await show(deps, visit);
  if (step === 'cancel')
    return await refuse(deps, visit, {
      error: 'access_denied',
      error_description: 'the user cancelled',
    });
  if (interaction.prompt.name === 'consent')
    // A form of another tab, or of a step that is done: the page that is due is shown.
    return step === 'consent' ? await takeConsent(deps, visit) : await show(deps, visit);
  if (step === 'login') return await takeLogin(deps, visit, form);
  if (step === 'sign-up' && maySignUp(deps, interaction)) return await takeSignUp(deps, visit, form);
  if (step === 'code') return await takeCode(deps, visit, form);
  if (step === 'passkey') return await takePasskey(deps, visit, form);
  return await show(deps, visit);
}

/** Cookies with SameSite=Lax keep other sites out; a browser that says where a form comes from is believed besides. */
function isFromHere({ issuer }: InteractionDeps, { headers }: IncomingMessage): boolean {
  return headers.origin === undefined || headers.origin === new URL(issuer).origin;
}

function homeOf({ issuer }: InteractionDeps): string {
  return `${new URL(issuer).origin}/`;
}

async function show(deps: InteractionDeps, visit: Visit): Promise<void> {
  const { interaction, step, posted, res } = visit;
  const { session, params, prompt } = interaction;
  if (prompt.name === 'consent') return await showConsent(deps, visit);
  const typed = typedBy(posted.typed);
  const hint = typeof params['login_hint'] === 'string' ? params['login_hint'].slice(0, 254) : '';
  const isSignUp = step === 'sign-up' || (prompt.name === 'create' && step === '');
  if (isSignUp && maySignUp(deps, interaction))
    return showSignUp(deps, visit, { ...typed, email: typed.email || hint });
  const account = session && (await deps.accounts.find(session.accountId));
  const email = typed.email || (account?.email ?? hint);
  const view = { ...viewOf(deps, interaction), email };
  writePage(res, logInPage({ ...view, ...(account && { known: account }) }), targetsOf(interaction));
}

async function takeLogin(deps: InteractionDeps, visit: Visit, form: URLSearchParams): Promise<void> {
  const { req } = visit;
  const email = (form.get('email') ?? '').trim();
  const password = form.get('password') ?? '';
  if (email === '' || password === '' || email.length > 254 || password.length > 1_024)
    return showLogin(deps, visit, email, { kind: 'missing' });
  const address = askerOf(req).address ?? '';
  const outcome = await authenticate(deps, { email, password, address }, visit.signal).catch(orBusy);
  if (outcome === 'busy') return showLogin(deps, visit, email, { kind: 'busy' });
  if (!outcome.ok) {
    const { rejection } = outcome;
    if (rejection.code === 'second-factor-required') return await showCode(deps, visit, rejection.account);
    return showLogin(deps, visit, email, problemOf(rejection));
  }
  await finishLogin(deps, visit, outcome.value, ['pwd']);
}

async function takeSignUp(deps: InteractionDeps, visit: Visit, form: URLSearchParams): Promise<void> {
  const address = askerOf(visit.req).address ?? '';
  const outcome = await signUpByForm(deps, form, { address, signal: visit.signal });
  if (outcome.kind === 'problem') return showSignUp(deps, visit, typedBy(form), outcome.problem);
  if (outcome.kind === 'second-factor') return await showCode(deps, visit, outcome.account);
  await finishLogin(deps, visit, outcome.account, ['pwd']);
}

/** The second step. A password that was right is good for five minutes, in this login alone. */
async function takeCode(deps: InteractionDeps, visit: Visit, form: URLSearchParams): Promise<void> {
  const { req, res } = visit;
  const account = await halfSignedIn(deps, visit, form.get('ticket') ?? '');
  if (account === undefined) return await show(deps, visit);
  const code = (form.get('code') ?? '').slice(0, 40);
  const outcome = await useCode(deps, account, { code, address: askerOf(req).address ?? '' });
  if (outcome.ok) return await finishLogin(deps, visit, account, ['pwd', 'otp', 'mfa']);
  const { rejection } = outcome;
  if (rejection.code !== 'too-many-attempts') {
    // A form that was sent twice: the first has used the code up, and nobody saw its answer.
    const now = await deps.provider().interactionDetails(req, res);
    if (now.result?.login?.accountId === account.id) return redirect(res, now.returnTo);
    return await showCode(deps, visit, account, { kind: 'wrong' });
  }
  const seconds = Math.ceil(rejection.waitMs / 1_000);
  await showCode(deps, visit, account, { kind: 'wait', seconds });
}

/** Whose password was right in this login. */
async function halfSignedIn(
  { tickets, accounts }: InteractionDeps,
  { interaction }: Visit,
  text: string,
): Promise<StoredAccount | undefined> {
  const ticket = tickets.read(text, interaction.uid);
  const account = ticket && (await accounts.find(ticket.accountId));
  return account?.version === ticket?.version && account?.isDisabled === false ? account : undefined;
}

/** By itself, or after the password: with a ticket. It is something that somebody has, opened by what they know or are. */
async function takePasskey(deps: InteractionDeps, visit: Visit, form: URLSearchParams): Promise<void> {
  const { req, interaction } = visit;
  const answer = form.get('answer') ?? '';
  const address = askerOf(req).address ?? '';
  const ticket = form.get('ticket') ?? '';
  const account = ticket === '' ? undefined : await halfSignedIn(deps, visit, ticket);
  if (ticket !== '' && account === undefined) return await show(deps, visit);
  const context = challengeOf(interaction, account);
  const used = await usePasskey(deps, {
    ...{ answer, context, address },
    ...(account && { accountId: account.id }),
  });
  if (used.ok) {
    const key = used.value.passkey.isSynced ? 'swk' : 'hwk';
    const amr = account === undefined ? [key, 'user', 'mfa'] : ['pwd', key, 'mfa'];
    return await finishLogin(deps, visit, used.value.account, amr);
  }
  const kind = used.rejection === 'account-disabled' ? 'disabled' : 'passkey';
  if (account === undefined) return showLogin(deps, visit, '', { kind });
  await showCode(deps, visit, account, { kind: 'passkey' });
}

function challengeOf({ uid }: Interaction, account?: StoredAccount): string {
  return account === undefined ? `the login ${uid}` : `the login ${uid} of ${account.id}`;
}

async function showCode(
  deps: InteractionDeps,
  visit: Visit,
  account: StoredAccount,
  problem?: CodeProblem,
): Promise<void> {
  const { interaction, res } = visit;
  const { id: accountId, version, email } = account;
  const ticket = deps.tickets.make({ accountId, version }, interaction.uid);
  const { action, clientName } = viewOf(deps, interaction);
  const { hasApp } = await deps.secondFactors.state(accountId);
  const known = await deps.passkeys.list(accountId);
  const options =
    known.length > 0 ? deps.ceremonies?.ask(challengeOf(interaction, account), known) : undefined;
  const view = {
    ...{ action: `${action}/code`, cancel: `${action}/cancel`, ticket, hasApp, problem },
    toContinue: `${clientName} as ${email}`,
    ...(options !== undefined && { passkey: { action: `${action}/passkey`, options, ticket } }),
  };
  writePage(res, codePage(view), targetsOf(interaction));
}

function problemOf(rejection: LogInRejection): LogInProblem {
  if (rejection.code === 'too-many-attempts')
    return { kind: 'wait', seconds: Math.ceil(rejection.waitMs / 1_000) };
  return { kind: rejection.code === 'account-disabled' ? 'disabled' : 'wrong' };
}

function showLogin(deps: InteractionDeps, visit: Visit, email: string, problem: LogInProblem): void {
  const { interaction, res } = visit;
  const view = { ...viewOf(deps, interaction), email: email.slice(0, 254), problem };
  writePage(res, logInPage(view), targetsOf(interaction));
}

function showSignUp(
  deps: InteractionDeps,
  { interaction, res }: Visit,
  typed: { readonly name: string; readonly email: string },
  problem?: SignUpProblem,
): void {
  const action = actionOf(deps, interaction);
  const view = {
    ...{ action: `${action}/sign-up`, logIn: `${action}/login`, cancel: `${action}/cancel` },
    ...{ ...typed, clientName: clientNameOf(deps, interaction), problem },
  };
  writePage(res, signUpPage(view), targetsOf(interaction));
}

function maySignUp({ clients }: InteractionDeps, { params }: Interaction): boolean {
  return clients.find(({ id }) => id === params['client_id'])?.withoutSignUp !== true;
}

function viewOf(deps: InteractionDeps, interaction: Interaction) {
  const action = actionOf(deps, interaction);
  const options = deps.ceremonies?.ask(challengeOf(interaction));
  return {
    action,
    passkey: options === undefined ? undefined : { action: `${action}/passkey`, options },
    clientName: clientNameOf(deps, interaction),
    forgotten: `${pathOf(deps)}/forgot-password`,
    signUp: maySignUp(deps, interaction) ? `${action}/sign-up` : undefined,
  };
}

async function showConsent(deps: InteractionDeps, { interaction, res }: Visit): Promise<void> {
  const account = interaction.session && (await deps.accounts.find(interaction.session.accountId));
  if (account === undefined) throw new errors.SessionNotFound('the account is gone');
  const missing = missingOf(interaction);
  const scopes = [...missing.openid, ...Object.values(missing.resources).flat()];
  const view = consentPage({
    action: actionOf(deps, interaction),
    clientName: clientNameOf(deps, interaction),
    name: account.name,
    email: account.email,
    scopes,
    destination: String(interaction.params['redirect_uri'] ?? ''),
  });
  writePage(res, view, targetsOf(interaction));
}

async function takeConsent(deps: InteractionDeps, visit: Visit): Promise<void> {
  const { interaction, req, res } = visit;
  const { accountId } = interaction.session ?? {};
  if (accountId === undefined) throw new errors.SessionNotFound('nobody is signed in');
  const provider = deps.provider();
  const returnTo = await deps.scope.transaction(askerOf(req), async () => {
    const known =
      interaction.grantId === undefined ? undefined : await provider.Grant.find(interaction.grantId);
    const grant =
      known ?? new provider.Grant({ accountId, clientId: String(interaction.params['client_id']) });
    const missing = missingOf(interaction);
    if (missing.openid.length > 0) grant.addOIDCScope(missing.openid.join(' '));
    if (missing.claims.length > 0) grant.addOIDCClaims([...missing.claims]);
    for (const [resource, scopes] of Object.entries(missing.resources))
      grant.addResourceScope(resource, scopes.join(' '));
    const grantId = await grant.save();
    return await provider.interactionResult(req, res, { consent: { grantId } });
  });
  redirect(res, returnTo);
}

async function finishLogin(
  deps: InteractionDeps,
  visit: Visit,
  account: StoredAccount,
  amr: Methods,
): Promise<void> {
  const { req, res, interaction } = visit;
  const login = { accountId: account.id, amr: [...amr], acr: acrOf(amr), remember: true };
  // Who was to make an account and signs in has done what was asked: the question is not put again.
  const asked = interaction.prompt.name === 'create' ? { create: {} } : {};
  const result: LoginResult = { login, accountVersion: account.version, ...asked };
  const asker = askerOf(req);
  const returnTo = await deps.scope.transaction(asker, async (tx) => {
    const { session } = interaction;
    // Somebody else was signed in in this browser: their session ends before the new one begins.
    if (session !== undefined && session.accountId !== account.id) {
      await deps.sessions.end(await tx(), session.uid, 'signed-out');
      interaction.session = undefined;
      await interaction.persist();
    }
    await tellOfSignIn(deps, await tx(), account, asker);
    return await deps.provider().interactionResult(req, res, result, { mergeWithLastSubmission: true });
  });
  redirect(res, returnTo);
}

async function refuse(deps: InteractionDeps, { req, res }: Visit, result: InteractionResults): Promise<void> {
  const returnTo = await deps.scope.transaction(askerOf(req), () =>
    deps.provider().interactionResult(req, res, result, { mergeWithLastSubmission: false }),
  );
  redirect(res, returnTo);
}

function redirect(res: ServerResponse, location: string): void {
  res.writeHead(303, { location, 'cache-control': 'no-store', 'content-length': '0' }).end();
}

interface Missing {
  readonly openid: readonly string[];
  readonly claims: readonly string[];
  readonly resources: Readonly<Record<string, readonly string[]>>;
}

/** What the user has not agreed to yet. */
function missingOf({ prompt: { details } }: Interaction): Missing {
  const texts = (value: unknown): readonly string[] =>
    Array.isArray(value) ? value.filter((one) => typeof one === 'string') : [];
  const resources = Object.entries(details['missingResourceScopes'] ?? {});
  return {
    openid: texts(details['missingOIDCScope']),
    claims: texts(details['missingOIDCClaims']),
    resources: Object.fromEntries(resources.map(([resource, scopes]) => [resource, texts(scopes)])),
  };
}

function actionOf({ issuer }: InteractionDeps, { uid }: Interaction): string {
  return `${pathOf({ issuer })}/interaction/${uid}`;
}

function pathOf({ issuer }: Pick<InteractionDeps, 'issuer'>): string {
  return new URL(issuer).pathname.replace(/\/$/, '');
}

function clientNameOf({ clients }: InteractionDeps, { params }: Interaction): string {
  return clients.find(({ id }) => id === params['client_id'])?.name ?? 'the application';
}

/** After a form the browser is sent on to the client. */
function targetsOf({ params }: Interaction): readonly string[] {
  const target = params['redirect_uri'];
  return typeof target === 'string' && URL.canParse(target) ? [target] : [];
}
