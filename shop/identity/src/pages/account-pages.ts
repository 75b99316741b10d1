import { html, trusted } from './html.ts';
import { duration, type Page, page } from './pages.ts';

/** Pages that a link in a mail leads to. Opening one changes nothing: a button does. */

export type ForgotProblem =
  | { readonly kind: 'missing' }
  | { readonly kind: 'wait'; readonly seconds: number };

export interface ForgotView {
  readonly action: string;
  readonly email: string;
  readonly problem?: ForgotProblem;
}

export function forgotPage({ action, email, problem }: ForgotView): Page {
  const mark = trusted(problem === undefined ? '' : ' aria-invalid="true" aria-describedby="problem"');
  const text = problem && forgotProblem(problem);
  return page(
    'Forgotten password',
    html`<h1>Forgotten your password?</h1>
<p class="lead">We send a link to choose a new one.</p>
${text !== undefined && html`<p class="alert" id="problem" role="alert">${text}</p>`}
<form method="post" action="${action}">
<label for="email">E-mail address</label>
<input id="email" name="email" type="email" value="${email}" autocomplete="username" inputmode="email" autocapitalize="none" spellcheck="false" maxlength="254" required autofocus${mark}>
<button class="primary" type="submit">Send the link</button>
</form>`,
    problem === undefined ? {} : refusal(problem),
  );
}

function forgotProblem(problem: ForgotProblem): string {
  if (problem.kind === 'missing') return 'Enter the e-mail address of your account.';
  return `Too many links were asked for from your network. Try again in ${duration(problem.seconds)}.`;
}

function refusal(problem: ForgotProblem): Omit<Page, 'html'> {
  if (problem.kind === 'missing') return { status: 422 };
  return { status: 429, headers: { 'retry-after': String(problem.seconds) } };
}

/** The same whether there is such an account or not. */
export function linkSentPage(): Page {
  return page(
    'Check your mail',
    html`<h1>Check your mail</h1>
<p>If there is an account with this address, a link to choose a new password is on its way. It works for one hour.</p>
<p class="lead">Nothing there after some minutes? Look among the unwanted mail, and check the address. You can close this page.</p>`,
  );
}

export interface ResetView {
  readonly action: string;
  readonly token: string;
  /** Whose account it is: for its owner, and for whatever keeps their passwords. */
  readonly email: string;
  readonly problem?: {
    readonly text: string;
    readonly status: number;
    readonly retryAfterSeconds?: number;
  };
}

export function resetPage({ action, token, email, problem }: ResetView): Page {
  // Where there was too much to do, nothing is wrong with the password.
  const mark = trusted(problem?.status === 422 ? ' aria-invalid="true"' : '');
  return page(
    'New password',
    html`<h1>Choose a new password</h1>
<p class="lead">for ${email}</p>
${problem && html`<p class="alert" id="problem" role="alert">${problem.text}</p>`}
<form method="post" action="${action}">
<input type="hidden" name="token" value="${token}">
<input type="text" name="username" value="${email}" autocomplete="username" hidden>
<label for="password">New password</label>
<input id="password" name="password" type="password" autocomplete="new-password" minlength="8" maxlength="1024" required autofocus aria-describedby="rule${trusted(problem === undefined ? '' : ' problem')}"${mark}>
<p class="note" id="rule">At least 8 characters. A few words that belong together only for you are best. You will be signed out everywhere.</p>
<button class="primary" type="submit">Change the password</button>
</form>`,
    problem === undefined ? {} : refusalOf(problem.status, problem.retryAfterSeconds),
  );
}

/** How a page with a problem is answered. */
export function refusalOf(status: number, retryAfterSeconds: number | undefined): Omit<Page, 'html'> {
  return retryAfterSeconds === undefined
    ? { status }
    : { status, headers: { 'retry-after': String(retryAfterSeconds) } };
}

export function passwordChangedPage(home: string): Page {
  return page(
    'Password changed',
    html`<h1>Your password is changed</h1>
<p class="lead">Every session of your account has ended. Sign in again with the new password.</p>
<a class="button primary" href="${home}">Go to the start page</a>`,
  );
}

export interface VerifyView {
  readonly action: string;
  readonly token: string;
  readonly email: string;
}

export function verifyPage({ action, token, email }: VerifyView): Page {
  return page(
    'Confirm your address',
    html`<h1>Confirm your address</h1>
<p>Is <b>${email}</b> yours, and is this your account?</p>
<form method="post" action="${action}">
<input type="hidden" name="token" value="${token}">
<button class="primary" type="submit" autofocus>Yes, confirm it</button>
</form>
<p class="note">If you did not sign up, close this page: nothing happens.</p>`,
  );
}

export function verifiedPage(home: string): Page {
  return page(
    'Address confirmed',
    html`<h1>Thank you</h1>
<p class="lead">Your e-mail address is confirmed.</p>
<a class="button primary" href="${home}">Go to the start page</a>`,
  );
}

/** Used, too old, replaced by a newer one, or never one of ours: nobody is told which. */
export function deadLinkPage(again: { readonly href: string; readonly text: string }): Page {
  return page(
    'Link expired',
    html`<h1>This link does not work any more</h1>
<p class="lead">It was used, it is too old, or a newer one was sent after it.</p>
<a class="button primary" href="${again.href}">${again.text}</a>`,
    { status: 410 },
  );
}
