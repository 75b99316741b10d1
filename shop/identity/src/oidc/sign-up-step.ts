import { createValidator } from '@flotilla/kernel';
import { signUpBody } from '@shop/contracts';
import type { StoredAccount } from '../account-store.ts';
import { WEAKNESSES } from '../domain/password-policy.ts';
import { orBusy } from '../errors.ts';
import { type AuthenticateDeps, authenticate } from '../features/authenticate.ts';
import { type SignUpDeps, signUp } from '../features/sign-up.ts';
import { BUSY, duration, RETRY_SECONDS } from '../pages/pages.ts';
import type { SignUpField, SignUpProblem } from '../pages/sign-up-page.ts';

export interface SignUpStepDeps extends SignUpDeps, AuthenticateDeps {}

export type SignUpOutcome =
  | { readonly kind: 'account'; readonly account: StoredAccount }
  /** The account was there, and its password was right. */
  | { readonly kind: 'second-factor'; readonly account: StoredAccount }
  | { readonly kind: 'problem'; readonly problem: SignUpProblem };

const validate = createValidator(signUpBody);

const INVALID: readonly (readonly [SignUpField, string])[] = [
  ['name', 'Enter a name of 200 characters at most, on one line.'],
  ['email', 'Enter an e-mail address that mail can be sent to.'],
  ['password', 'This password is too long.'],
];

/** By the rules of `POST /users`. */
export async function signUpByForm(
  deps: SignUpStepDeps,
  form: URLSearchParams,
  { address, signal }: { readonly address: string; readonly signal: AbortSignal },
): Promise<SignUpOutcome> {
  const { name, email } = typedBy(form);
  const person = { name, email, password: form.get('password') ?? '' };
  const valid = validate(person);
  if (!valid.ok) return refuse(problemOf(valid.rejection.map(({ path }) => path)));
  const outcome = await signUp(deps, { ...person, address }, signal).catch(orBusy);
  if (outcome === 'busy') return refuse({ text: BUSY, status: 503, retryAfterSeconds: RETRY_SECONDS });
  if (outcome.ok) {
    const account = await deps.accounts.find(outcome.value.id);
    if (account !== undefined) return { kind: 'account', account };
  } else if (outcome.rejection.code === 'weak-password') {
    const text = WEAKNESSES[outcome.rejection.weakness];
    return refuse({ field: 'password', text, status: 422 });
  } else if (outcome.rejection.code === 'too-many-attempts') {
    const seconds = Math.ceil(outcome.rejection.waitMs / 1_000);
    const text = `Too many accounts were created from your network. Try again in ${duration(seconds)}.`;
    return refuse({ text, status: 429, retryAfterSeconds: seconds });
  }
  return await signInInstead(deps, { ...person, address }, signal);
}

/** What of the form may be shown again. */
export function typedBy(form: URLSearchParams): { readonly name: string; readonly email: string } {
  const text = (field: string, most: number) => (form.get(field) ?? '').trim().slice(0, most + 1);
  return { name: text('name', 200), email: text('email', 254) };
}

/** The address is taken: by a form that was sent twice, or by somebody who forgot that they have an account. Their password tells. */
async function signInInstead(
  deps: SignUpStepDeps,
  {
    email,
    password,
    address,
  }: { readonly email: string; readonly password: string; readonly address: string },
  signal: AbortSignal,
): Promise<SignUpOutcome> {
  const outcome = await authenticate(deps, { email, password, address }, signal).catch(orBusy);
  if (outcome !== 'busy' && outcome.ok) return { kind: 'account', account: outcome.value };
  if (outcome !== 'busy' && outcome.rejection.code === 'second-factor-required')
    return { kind: 'second-factor', account: outcome.rejection.account };
  const text = 'There is an account with this e-mail address. Sign in, or use another address.';
  return refuse({ field: 'email', text, status: 409 });
}

function problemOf(paths: readonly string[]): SignUpProblem {
  const [field, text] = INVALID.find(([name]) => paths.includes(`/${name}`)) ?? [
    'name',
    'Fill in all fields.',
  ];
  return { field, text, status: 422 };
}

function refuse(problem: SignUpProblem): SignUpOutcome {
  return { kind: 'problem', problem };
}
