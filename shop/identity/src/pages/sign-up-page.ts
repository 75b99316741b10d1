import { MIN_LENGTH } from '../domain/password-policy.ts';
import { refusalOf } from './account-pages.ts';
import { html, trusted } from './html.ts';
import { type Page, page } from './pages.ts';

export type SignUpField = 'name' | 'email' | 'password';

export interface SignUpProblem {
  readonly text: string;
  readonly status: number;
  /** The one to be corrected; none when all are right. */
  readonly field?: SignUpField;
  /** When to try again. */
  readonly retryAfterSeconds?: number;
}

export interface SignUpView {
  readonly action: string;
  readonly clientName: string;
  readonly name: string;
  readonly email: string;
  /** For who has an account. */
  readonly logIn: string;
  readonly cancel: string;
  readonly problem?: SignUpProblem | undefined;
}

/** The first field that is to be filled in has the cursor. */
function firstOf({ name, email, problem }: SignUpView): SignUpField {
  if (problem?.field !== undefined) return problem.field;
  if (name === '') return 'name';
  return email === '' ? 'email' : 'password';
}

export function signUpPage(view: SignUpView): Page {
  const { action, clientName, name, email, logIn, cancel, problem } = view;
  const first = firstOf(view);
  const marks = (field: SignUpField, described = '') => {
    const isWrong = problem?.field === field;
    const by = [described, isWrong ? 'problem' : ''].filter((id) => id !== '').join(' ');
    return trusted(
      `${isWrong ? ' aria-invalid="true"' : ''}${by === '' ? '' : ` aria-describedby="${by}"`}${first === field ? ' autofocus' : ''}`,
    );
  };
  return page(
    'Create an account',
    html`<h1>Create an account</h1>
<p class="lead">to continue to ${clientName}</p>
${problem && html`<p class="alert" id="problem" role="alert">${problem.text}</p>`}
<form method="post" action="${action}">
<label for="name">Name</label>
<input id="name" name="name" type="text" value="${name}" autocomplete="name" maxlength="200" required${marks('name')}>
<label for="email">E-mail address</label>
<input id="email" name="email" type="email" value="${email}" autocomplete="username" inputmode="email" autocapitalize="none" spellcheck="false" maxlength="254" required${marks('email')}>
<label for="password">Password</label>
<input id="password" name="password" type="password" autocomplete="new-password" minlength="${MIN_LENGTH}" maxlength="1024" required${marks('password', 'rule')}>
<p class="note" id="rule">At least ${MIN_LENGTH} characters. A few words that belong together only for you are best.</p>
<button class="primary" type="submit">Create my account</button>
</form>
<p class="aside">You have an account? <a href="${logIn}">Sign in</a></p>
<form method="post" action="${cancel}"><button class="plain" type="submit">Cancel</button></form>`,
    problem === undefined ? {} : refusalOf(problem.status, problem.retryAfterSeconds),
  );
}
