import { html, trusted } from './html.ts';
import { duration, type Page, page } from './pages.ts';

/** Pages of the second factor. */

export type CodeProblem = { readonly kind: 'wrong' } | { readonly kind: 'wait'; readonly seconds: number };

export interface CodeView {
  readonly action: string;
  readonly ticket: string;
  readonly clientName: string;
  readonly email: string;
  readonly problem?: CodeProblem | undefined;
}

export function codePage({ action, ticket, clientName, email, problem }: CodeView): Page {
  return page(
    'Enter the code',
    html`<h1>Enter the code</h1>
<p class="lead">to continue to ${clientName} as ${email}</p>
${problem && html`<p class="alert" id="problem" role="alert">${problemText(problem)}</p>`}
<form method="post" action="${action}/code">
<input type="hidden" name="ticket" value="${ticket}">
${codeField('Code of your authenticator app', problem !== undefined)}
<p class="note" id="rule">No phone at hand? A recovery code does as well, once.</p>
<button class="primary" type="submit">Sign in</button>
</form>
<form method="post" action="${action}/cancel"><button class="plain" type="submit">Cancel</button></form>`,
    problem === undefined ? {} : refusal(problem),
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
  if (problem.kind === 'wrong')
    return 'The code is wrong, too old, or was used before. Wait for the next one.';
  return `Too many wrong codes. Try again in ${duration(problem.seconds)}.`;
}

function refusal(problem: CodeProblem): Omit<Page, 'html'> {
  if (problem.kind === 'wrong') return { status: 401 };
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
<p>The second factor is on. If you lose your phone, each of these signs you in once. They are not shown again: print them, or write them down.</p>
<ul aria-label="Recovery codes" class="codes">${codes.map((code) => html`<li><code>${code}</code></li>`)}</ul>
<a class="button primary" href="${home}">I have kept them</a>`,
  );
}

export interface EnrolLogInView {
  readonly action: string;
  readonly email: string;
  readonly problem?: string | undefined;
  readonly status?: number;
}

/** Who sets a second factor up shows the password first, signed in or not. */
export function enrolLogInPage({ action, email, problem, status = 401 }: EnrolLogInView): Page {
  return page(
    'Set up a second factor',
    html`<h1>Set up a second factor</h1>
<p class="lead">Signing in takes a code of an app on your phone then, besides the password. Show first that the account is yours.</p>
${problem !== undefined && html`<p class="alert" id="problem" role="alert">${problem}</p>`}
<form method="post" action="${action}">
<label for="email">E-mail address</label>
<input id="email" name="email" type="email" value="${email}" autocomplete="username" inputmode="email" autocapitalize="none" spellcheck="false" maxlength="254" required>
<label for="password">Password</label>
<input id="password" name="password" type="password" autocomplete="current-password" maxlength="1024" required>
<button class="primary" type="submit">Continue</button>
</form>`,
    problem === undefined ? {} : { status },
  );
}
