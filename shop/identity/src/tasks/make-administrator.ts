import { createValidator } from '@flotilla/kernel';
import { createOutbox } from '@flotilla/messaging';
import { createDatabase } from '@flotilla/postgres';
import { readEnvironment, runTask, secret, taskError } from '@flotilla/process';
import { signUpBody } from '@shop/contracts';
import { createAccountStore } from '../account-store.ts';
import { WEAKNESSES } from '../domain/password-policy.ts';
import { makeAdministrator } from '../features/make-administrator.ts';
import { createCommonPasswords } from '../passwords/common-passwords.ts';
import { createPasswords } from '../passwords/passwords.ts';

const DONE = {
  created: 'is an administrator now: log in with that password',
  promoted:
    'had an account already, which is an administrator now: the password stays as it is; log in again, or wait until the next refresh',
  'already-one': 'is an administrator already; nothing was changed',
};

const validate = createValidator(signUpBody);

/** The rules of a sign-up. */
function check(input: { readonly email: string; readonly name: string; readonly password: string }): void {
  const result = validate(input);
  if (result.ok) return;
  const problems = result.rejection.map(({ path, message }) => `${path.slice(1)} ${message}`);
  throw taskError('TASK_REFUSED', `${problems.join('; ')}; nothing was changed`);
}

await runTask({
  service: 'identity',
  name: 'make-administrator',
  readConfig: (env) => readEnvironment(env, { DATABASE_URL: secret() }),
  run: async ({ config, args, clock, newId, say, askNewSecret, defer }) => {
    const [email, name = 'Administrator', ...more] = args;
    if (email === undefined || more.length > 0)
      throw taskError(
        'TASK_USAGE',
        'usage: make-administrator <e-mail address> [<name>]; the password is asked',
      );
    check({ email, name, password: '' });
    const db = createDatabase({
      uri: config.DATABASE_URL,
      applicationName: 'make-administrator',
      maxConnections: 2,
    });
    defer('database', db.close);
    const made = await makeAdministrator(
      {
        db,
        accounts: createAccountStore(db),
        outbox: createOutbox({ source: 'identity', clock, newId }),
        passwords: createPasswords(),
        commonPasswords: createCommonPasswords(),
        clock,
        newId,
      },
      {
        email,
        name,
        askPassword: async () => {
          const password = await askNewSecret(`Password for ${email}`);
          check({ email, name, password });
          return password;
        },
      },
    );
    if (!made.ok) throw taskError('TASK_REFUSED', `${WEAKNESSES[made.rejection]} Nothing was changed`);
    say(`${email} ${DONE[made.value]}.`);
  },
});
