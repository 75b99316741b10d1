import { useMutation } from '@tanstack/react-query';
import { type FormEvent, useState } from 'react';
import { fieldWords } from '../api/field-words.ts';
import { RequestError, request } from '../api/request.ts';
import { wordsOf } from '../api/words.ts';
import { logIn } from '../session/use-user.ts';
import { useCountdown } from '../ui/failure.tsx';
import { Field } from '../ui/field.tsx';
import { Notice } from '../ui/notice.tsx';

interface Form {
  readonly name: string;
  readonly email: string;
  readonly password: string;
}

const FIELD_OF_CODE: Readonly<Record<string, keyof Form>> = {
  'email-taken': 'email',
  'weak-password': 'password',
};

export function SignUp() {
  const [form, setForm] = useState<Form>({ name: '', email: '', password: '' });
  const create = useMutation({
    mutationFn: () =>
      request('/users', {
        method: 'POST',
        body: { ...form, name: form.name.trim(), email: form.email.trim() },
      }),
  });
  const { error } = create;
  const seconds = useCountdown(error, error instanceof RequestError ? (error.retryAfterMs ?? 0) : 0);
  const submit = (event: FormEvent) => {
    event.preventDefault();
    create.mutate();
  };
  if (create.isSuccess)
    return (
      <Notice kind="success" title={`Welcome, ${form.name}`}>
        <p>Your account is ready.</p>
        <button type="button" className="button" onClick={() => logIn('/')}>
          Sign in now
        </button>
      </Notice>
    );
  const field = (name: keyof Form) => ({
    name,
    required: true,
    value: form[name],
    onChange: (event: { readonly target: { readonly value: string } }) =>
      setForm({ ...form, [name]: event.target.value }),
    error: errorOf(error, name),
  });
  return (
    <form onSubmit={submit} className="fields fields-one">
      <Field label="Name" autoComplete="name" maxLength={200} {...field('name')} />
      <Field label="E-mail" type="email" autoComplete="email" maxLength={254} {...field('email')} />
      <Field
        label="Password"
        type="password"
        autoComplete="new-password"
        maxLength={1_024}
        hint="At least 8 characters. A few unrelated words make a good one."
        {...field('password')}
      />
      {create.isError && isGeneral(error) && <p className="field-error">{wordsOf(error)}</p>}
      <button type="submit" className="button button-large" disabled={create.isPending || seconds > 0}>
        {seconds > 0 ? `Try again in ${seconds} s` : create.isPending ? 'Creating …' : 'Create my account'}
      </button>
    </form>
  );
}

function errorOf(error: unknown, name: keyof Form): string | undefined {
  if (!(error instanceof RequestError)) return undefined;
  if (FIELD_OF_CODE[error.code] === name) return wordsOf(error);
  return fieldWords(error, name);
}

/** Belongs to no field. */
function isGeneral(error: unknown): boolean {
  return (['name', 'email', 'password'] as const).every((name) => errorOf(error, name) === undefined);
}
