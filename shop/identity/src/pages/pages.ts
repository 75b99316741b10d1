import { type Html, html, trusted } from './html.ts';
import { type PasskeyForm, passkeyForm } from './passkey-form.ts';
import { PASSKEY_SCRIPT } from './passkey-script.ts';
import { STYLE } from './style.ts';

export interface Page {
  readonly html: string;
  /** Default: what the response has. */
  readonly status?: number;
  readonly headers?: Readonly<Record<string, string>>;
  /** The script of passkeys; other pages may have none. */
  readonly hasScript?: boolean;
}

const MARK = trusted(
  '<svg viewBox="0 0 64 64" aria-hidden="true"><rect width="64" height="64" rx="16" fill="#0d5c5a"/><path d="M34 10v34H14z" fill="#fff"/><path d="M38 20v24h14z" fill="#ffb38a"/><path d="M10 48h44c-3 6-8 9-14 9H24c-6 0-11-3-14-9z" fill="#f7f3ec"/></svg>',
);

/** A whole document. */
export function page(title: string, content: Html, rest: Omit<Page, 'html'> = {}): Page {
  const whole = html`<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="robots" content="noindex">
<title>${title} · Flotilla</title>
<style>${trusted(STYLE)}</style>
</head>
<body>
<main>
<div class="card">
<p class="brand">${MARK}Flotilla</p>
${content}
</div>
</main>
<footer>Flotilla identity</footer>
${rest.hasScript === true && html`<script>${trusted(PASSKEY_SCRIPT)}</script>`}
</body>
</html>
`;
  return { html: whole.html, ...rest };
}

export interface LogInView {
  readonly action: string;
  readonly clientName: string;
  readonly email: string;
  /** Where a forgotten password is seen to. */
  readonly forgotten: string;
  /** Where an account is made; none where the application wants no new ones. */
  readonly signUp: string | undefined;
  /** None where no passkey can be. */
  readonly passkey?: PasskeyForm | undefined;
  readonly problem?: LogInProblem;
  /** Who is signed in already, when a password is asked again. */
  readonly known?: { readonly email: string };
}

export type LogInProblem =
  | { readonly kind: 'missing' }
  | { readonly kind: 'wrong' }
  | { readonly kind: 'passkey' }
  | { readonly kind: 'disabled' }
  | { readonly kind: 'busy' }
  | { readonly kind: 'wait'; readonly seconds: number };

const LOG_IN_STATUS = {
  ...{ missing: 422, wrong: 401, passkey: 401, disabled: 403, busy: 503, wait: 429 },
} as const;

export function logInPage({
  action,
  clientName,
  email,
  forgotten,
  signUp,
  passkey,
  problem,
  known,
}: LogInView): Page {
  const invalid = problem?.kind === 'missing' || problem?.kind === 'wrong';
  const mark = trusted(invalid ? ' aria-invalid="true" aria-describedby="problem"' : '');
  // The cursor stands in the first field that is to be filled in.
  const first = trusted(email === '' ? ' autofocus' : '');
  const second = trusted(email === '' ? '' : ' autofocus');
  return page(
    'Sign in',
    html`<h1>Sign in</h1>
<p class="lead">to continue to ${clientName}</p>
${problem && html`<p class="alert" id="problem" role="alert">${logInProblem(problem)}</p>`}
${known && html`<p class="note">For your safety, enter your password again. You are signed in as <b>${known.email}</b>.</p>`}
<form method="post" action="${action}/login">
<label for="email">E-mail address</label>
<input id="email" name="email" type="email" value="${email}" autocomplete="username" inputmode="email" autocapitalize="none" spellcheck="false" maxlength="254" required${mark}${first}>
<label for="password">Password</label>
<input id="password" name="password" type="password" autocomplete="current-password" maxlength="1024" required${mark}${second}>
<button class="primary" type="submit">Sign in</button>
</form>
${passkey && passkeyForm(passkey, 'get', 'Sign in with a passkey')}
<p class="aside"><a href="${forgotten}">Forgotten your password?</a></p>
${signUp !== undefined && known === undefined && html`<p class="aside">New here? <a href="${signUp}">Create an account</a></p>`}
<form method="post" action="${action}/cancel"><button class="plain" type="submit">Cancel</button></form>`,
    {
      hasScript: passkey !== undefined,
      ...(problem && { status: LOG_IN_STATUS[problem.kind], headers: retryAfter(problem) }),
    },
  );
}

export const PASSKEY_REFUSED =
  'This passkey does not open an account here, or it took too long. Try again, or sign in another way.';

function logInProblem(problem: LogInProblem): string {
  if (problem.kind === 'missing') return 'Enter your e-mail address and your password.';
  if (problem.kind === 'wrong') return 'The e-mail address or the password is wrong.';
  if (problem.kind === 'passkey') return PASSKEY_REFUSED;
  if (problem.kind === 'disabled') return 'This account is disabled. Write to the people who run the shop.';
  if (problem.kind === 'busy') return BUSY;
  return `Too many failed attempts. Try again in ${duration(problem.seconds)}.`;
}

/** After which it is worth trying again when there was too much to do, or something we need was away. */
export const RETRY_SECONDS = 5;
export const BUSY: string = `Many people are signing in right now. Try again in ${RETRY_SECONDS} seconds.`;

function retryAfter(problem: LogInProblem): Readonly<Record<string, string>> {
  if (problem.kind !== 'wait' && problem.kind !== 'busy') return {};
  return { 'retry-after': String(problem.kind === 'wait' ? problem.seconds : RETRY_SECONDS) };
}

export function duration(seconds: number): string {
  if (seconds < 60) return seconds === 1 ? 'one second' : `${seconds} seconds`;
  const minutes = Math.ceil(seconds / 60);
  return minutes === 1 ? 'one minute' : `${minutes} minutes`;
}

export interface ConsentView {
  readonly action: string;
  readonly clientName: string;
  readonly name: string;
  readonly email: string;
  readonly scopes: readonly string[];
  /** Where the answer goes, as the user can check it. */
  readonly destination: string;
}

const MEANINGS: Readonly<Record<string, readonly [string, string]>> = {
  openid: ['Know who you are', 'An identifier of your account'],
  profile: ['See your profile', 'Your name'],
  email: ['See your e-mail address', 'To show it, or to write to you'],
  offline_access: ['Stay signed in', 'Access while you are away, for 30 days at most'],
  'orders.read': ['See your orders', 'What you bought, and where it is'],
  'orders.write': ['Place and cancel orders', 'In your name'],
  'inventory.read': ['See what is in stock', 'Products and their availability'],
  'inventory.write': ['Change what is in stock', 'Products and their availability'],
};

export function consentPage({ action, clientName, name, email, scopes, destination }: ConsentView): Page {
  const items = scopes.map((scope) => {
    const [what, more] = MEANINGS[scope] ?? [scope, 'A permission of this application'];
    return html`<li><b>${what}</b><small>${more}</small></li>`;
  });
  return page(
    'Allow access',
    html`<h1>Allow access?</h1>
<p class="lead"><b>${clientName}</b> would like to use your account.</p>
<div class="who"><span aria-hidden="true">${name.slice(0, 1).toUpperCase()}</span><div><b>${name}</b><small>${email}</small></div></div>
${
  items.length === 0
    ? html`<p class="note">It asks for nothing that it may not do already.</p>`
    : html`<p id="asks">It will be able to:</p><ul aria-labelledby="asks">${items}</ul>`
}
<form method="post" action="${action}/consent"><button class="primary" type="submit" autofocus>Allow</button></form>
<form method="post" action="${action}/cancel"><button class="plain" type="submit">Cancel</button></form>
<details><summary>Where will I be sent?</summary><p>Back to <code>${destination}</code></p></details>`,
  );
}

/** `form`: the library's own, which proves that the question was asked here. */
export function signOutPage(form: string, clientName: string | undefined): Page {
  return page(
    'Sign out',
    html`<h1>Sign out?</h1>
<p class="lead">${clientName ? `${clientName} asks to sign you out. ` : ''}This ends your session in every application that you signed in to with it.</p>
${trusted(form)}
<button class="primary" type="submit" form="op.logoutForm" name="logout" value="yes" autofocus>Sign out</button>
<button class="plain" type="submit" form="op.logoutForm">Stay signed in</button>`,
  );
}

export function signedOutPage(clientName: string | undefined): Page {
  return clientName
    ? page(
        'Signed out',
        html`<h1>Signed out of ${clientName}</h1><p>You are still signed in elsewhere.</p><p class="lead">You can close this page.</p>`,
      )
    : page(
        'Signed out',
        html`<h1>You are signed out</h1><p>Your session has ended, in every application that used it.</p><p class="lead">You can close this page.</p>`,
      );
}

/** A login that was left open too long, was finished in another tab, or never began here. */
export function expiredPage(home: string): Page {
  return page(
    'Start again',
    html`<h1>This page has expired</h1>
<p class="lead">It was open for a long time, or you finished in another tab. Nothing is lost: go back to the application and sign in from there.</p>
<a class="button primary" href="${home}">Go to the start page</a>`,
    { status: 400 },
  );
}

const EXPLAINED: Readonly<Record<string, string>> = {
  invalid_client: 'The application that sent you here is not known.',
  invalid_redirect_uri: 'The application asked to be answered at an address that is not registered for it.',
  server_error: 'Something went wrong on our side. Try again in a moment.',
};

export function errorPage({
  error,
  detail,
}: {
  readonly error: string;
  readonly detail: string | undefined;
}): Page {
  const isOurs = error === 'server_error';
  return page(
    'Something went wrong',
    html`<h1>That did not work</h1>
<p class="lead">${EXPLAINED[error] ?? 'The application that sent you here made a request that we cannot answer.'}</p>
${!isOurs && html`<p>Go back to the application and try again. If it happens again, tell the people who run it.</p>`}
<details><summary>For developers</summary><p><code>${error}</code>${detail !== undefined && html`: ${detail}`}</p></details>`,
  );
}

/** What to send once more: where to, and what was typed, without secrets. */
export interface Again {
  readonly action: string;
  readonly fields: readonly (readonly [name: string, value: string])[];
}

/** Something we need is away. `again`: after a form, whose page is shown again with what was typed; without, the page itself is opened again. */
export function unavailablePage(again?: Again): Page {
  const title = 'One moment, please';
  return page(
    title,
    html`<h1>${title}</h1>
<p class="lead">We cannot do this right now. Try again in ${RETRY_SECONDS} seconds.</p>
${
  again === undefined
    ? html`<a class="button primary" href="">Try again</a>`
    : html`<form method="post" action="${again.action}"><input type="hidden" name="again" value="yes">
${again.fields.map(([name, value]) => html`<input type="hidden" name="${name}" value="${value}">`)}
<button class="primary" type="submit">Try again</button></form>
<p class="note">What you typed is kept, but for passwords and codes.</p>`
}`,
    { status: 503, headers: { 'retry-after': String(RETRY_SECONDS) } },
  );
}
