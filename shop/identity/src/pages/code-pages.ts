import { refusalOf } from './account-pages.ts';
import { html, trusted } from './html.ts';
import { duration, PASSKEY_REFUSED, type Page, page } from './pages.ts';
import { type PasskeyForm, passkeyForm } from './passkey-form.ts';

/** Pages of the second factor. */

export type CodeProblem =
  | { readonly kind: 'wrong' }
  | { readonly kind: 'passkey' }
  | { readonly kind: 'wait'; readonly seconds: number };

export interface CodeView {
  readonly action: string;
  readonly ticket: string;
  /** What comes after: `Flotilla shop as alice@example.com`. */
  readonly toContinue: string;
  readonly hasApp: boolean;
  /** For an account that has one. */
  readonly passkey?: PasskeyForm | undefined;
  /** Where else to go. */
  readonly cancel?: string;
  readonly problem?: CodeProblem | undefined;
}

/** The step after the password. */
export function codePage(view: CodeView): Page {
  const { action, ticket, toContinue, hasApp, passkey, cancel, problem } = view;
  const isInvalid = problem !== undefined && problem.kind !== 'passkey';
  const title = hasApp ? 'Enter the code' : 'One more step';
  return page(
    title,
    html`<h1>${title}</h1>
<p class="lead">to continue to ${toContinue}</p>
${problem && html`<p class="alert" id="problem" role="alert">${problemText(problem)}</p>`}
<form method="post" action="${action}">
<input type="hidden" name="ticket" value="${ticket}">
${codeField(hasApp ? 'Code of your authenticator app' : 'Recovery code', isInvalid)}
<p class="note" id="rule">${hasApp ? 'No phone at hand? A recovery code does as well, once.' : 'Each of them works once.'}</p>
<button class="primary" type="submit">Continue</button>
</form>
${passkey && passkeyForm(passkey, 'get', 'Use your passkey')}
${cancel !== undefined && html`<form method="post" action="${cancel}"><button class="plain" type="submit">Cancel</button></form>`}`,
    { hasScript: passkey !== undefined, ...(problem && refusal(problem)) },
  );
}

function codeField(label: string, isInvalid: boolean) {
  const mark = trusted(
    isInvalid ? ' aria-invalid="true" aria-describedby="problem rule"' : ' aria-describedby="rule"',
  );
  return html`<label for="code">${label}</label>
<input id="code" name="code" type="text" inputmode="text" autocomplete="one-time-code" autocapitalize="characters" spellcheck="false" maxlength="40" required autofocus${mark}>`;
}

function problemText(problem: CodeProblem): string {
  if (problem.kind === 'passkey') return PASSKEY_REFUSED;
  if (problem.kind === 'wrong')
    return 'The code is wrong, too old, or was used before. Wait for the next one.';
  return `Too many wrong codes. Try again in ${duration(problem.seconds)}.`;
}

function refusal(problem: CodeProblem): Omit<Page, 'html'> {
  if (problem.kind !== 'wait') return { status: 401 };
  return { status: 429, headers: { 'retry-after': String(problem.seconds) } };
}

export interface EnrolView {
  readonly action: string;
  readonly ticket: string;
  readonly secret: string;
  /** An SVG, made here. */
  readonly qrCode: string;
  readonly isWrong: boolean;
}

export function enrolPage({ action, ticket, secret, qrCode, isWrong }: EnrolView): Page {
  const groups = (secret.match(/.{1,4}/g) ?? []).join(' ');
  return page(
    'Set up a second factor',
    html`<h1>Set up your app</h1>
<p class="lead">Scan this with an authenticator app, then enter the code that it shows.</p>
${isWrong && html`<p class="alert" id="problem" role="alert">The code is wrong. Check that the clock of your phone is right, and take the next one.</p>`}
<div class="qr" role="img" aria-label="QR code of the secret that stands below">${trusted(qrCode)}</div>
<p>Cannot scan it? Type this in: <code>${groups}</code></p>
<form method="post" action="${action}">
<input type="hidden" name="ticket" value="${ticket}">
<input type="hidden" name="secret" value="${secret}">
${codeField('Code that the app shows', isWrong)}
<p class="note" id="rule">From then on, signing in takes a code besides the password.</p>
<button class="primary" type="submit">Turn it on</button>
</form>`,
    isWrong ? { status: 422 } : {},
  );
}

export function recoveryCodesPage(codes: readonly string[], home: string): Page {
  return page(
    'Recovery codes',
    html`<h1>Keep these codes</h1>
<p>From now on the password alone does not sign you in. If you lose your phone or your passkeys, each of these stands in for them once. They are not shown again: print them, or write them down.</p>
<ul aria-label="Recovery codes" class="codes">${codes.map((code) => html`<li><code>${code}</code></li>`)}</ul>
<a class="button primary" href="${home}">I have kept them</a>`,
  );
}

export interface OwnerView {
  readonly action: string;
  readonly title: string;
  /** What it is for. */
  readonly lead: string;
  readonly email: string;
  readonly problem?: string | undefined;
  readonly status?: number;
  readonly retryAfterSeconds?: number | undefined;
}

/** Who changes how an account is signed in to shows the password first, signed in or not. */
export function ownerPage(view: OwnerView): Page {
  const { action, title, lead, email, problem, status = 401, retryAfterSeconds } = view;
  return page(
    title,
    html`<h1>${title}</h1>
<p class="lead">${lead} Show first that the account is yours.</p>
${problem !== undefined && html`<p class="alert" id="problem" role="alert">${problem}</p>`}
<form method="post" action="${action}">
<label for="email">E-mail address</label>
<input id="email" name="email" type="email" value="${email}" autocomplete="username" inputmode="email" autocapitalize="none" spellcheck="false" maxlength="254" required>
<label for="password">Password</label>
<input id="password" name="password" type="password" autocomplete="current-password" maxlength="1024" required>
<button class="primary" type="submit">Continue</button>
</form>`,
    problem === undefined ? {} : refusalOf(status, retryAfterSeconds),
  );
}
