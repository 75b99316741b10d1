import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { after, before, describe, it } from 'node:test';
import { systemClock, uuidv7 } from '@flotilla/kernel';
import { childEnvironment } from '@flotilla/kernel/testing';
import { createOutbox } from '@flotilla/messaging';
import { createAccountStore } from './account-store.ts';
import { makeAdministrator } from './features/make-administrator.ts';
import { createCommonPasswords } from './passwords/common-passwords.ts';
import { type Identity, startIdentity } from './testing.ts';

describe('making an administrator', () => {
  let identity: Identity;
  before(async () => {
    identity = await startIdentity();
  });
  after(() => identity.close());

  const make = (email: string, askPassword = async () => 'a fine password') =>
    makeAdministrator(
      {
        db: identity.db,
        accounts: createAccountStore(identity.db),
        outbox: createOutbox({ source: 'identity' }),
        passwords: identity.hashing.passwords,
        commonPasswords: createCommonPasswords(),
        clock: systemClock,
        newId: uuidv7,
      },
      { email, name: 'Administrator', askPassword },
    );
  const unasked = () => assert.fail('there is a password already');
  const accountOf = async (email: string) => {
    const [row] = await identity.db.query('SELECT * FROM account WHERE email_key = $1', [email]);
    return row;
  };

  it('opens an account as a sign-up does, and does nothing the second time', async () => {
    assert.deepEqual(await make('ada@example.com'), { ok: true, value: 'created' });
    const account = await accountOf('ada@example.com');
    assert.deepEqual([account?.['role'], account?.['tenant_id']], ['Admin', null]);
    assert.equal((await identity.logIn('ada@example.com')).status, 200);
    assert.equal((await identity.db.query('SELECT 1 FROM outbox')).length, 1);
    assert.deepEqual(await make('ADA@example.com', unasked), { ok: true, value: 'already-one' });
    assert.deepEqual(await accountOf('ada@example.com'), account);
  });

  it('promotes who has an account, with the password it has', async () => {
    await identity.signUp('bob@example.com', 'the password of bob');
    assert.deepEqual(await make('bob@example.com', unasked), { ok: true, value: 'promoted' });
    const account = await accountOf('bob@example.com');
    assert.equal(account?.['role'], 'Admin');
    assert.deepEqual(account?.['permissions'], (await accountOf('ada@example.com'))?.['permissions']);
    assert.equal((await identity.logIn('bob@example.com', 'the password of bob')).status, 200);
  });

  it('promotes who signed up while the password was typed', async () => {
    const made = await make('cleo@example.com', async () => {
      await identity.signUp('cleo@example.com');
      return 'another fine password';
    });
    assert.deepEqual(made, { ok: true, value: 'promoted' });
  });

  it('refuses the passwords that a sign-up refuses', async () => {
    for (const [password, rejection] of [
      ['seven77', 'too-short'],
      ['password1', 'common'],
      ['dora@example.com', 'personal'],
    ] as const)
      assert.deepEqual(await make('dora@example.com', async () => password), { ok: false, rejection });
    assert.equal(await accountOf('dora@example.com'), undefined);
  });

  it('is a program that takes the password from its standard input and shows it nowhere', async () => {
    const run = async (args: readonly string[], input: string) => {
      const program = join(import.meta.dirname, 'tasks/make-administrator.ts');
      const child = spawn(process.execPath, [program, ...args], {
        env: { ...childEnvironment(), DATABASE_URL: identity.uri },
      });
      child.stdin.end(input);
      const [out, error, [code]] = await Promise.all([
        text(child.stdout),
        text(child.stderr),
        once(child, 'exit'),
      ]);
      return { code, out: out + error };
    };
    const made = await run(['eve@example.com', 'Eve'], 'a fine password\n');
    assert.deepEqual(made, {
      code: 0,
      out: 'eve@example.com is an administrator now: log in with that password.\n',
    });
    assert.equal((await identity.logIn('eve@example.com')).status, 200);
    const again = await run(['eve@example.com'], '');
    assert.deepEqual([again.code, /already; nothing was changed/.test(again.out)], [0, true]);
    for (const [args, input, code, said] of [
      [[], '', 2, /usage: .*\(TASK_USAGE\)/],
      [['fay@example.com', 'Fay', 'extra'], '', 2, /TASK_USAGE/],
      [['no address'], 'a fine password', 1, /email must .*nothing was changed \(TASK_REFUSED\)/],
      [['fay@example.com', 'two\nlines'], 'a fine password', 1, /name must/],
      [['fay@example.com'], 'password1', 1, /attackers try first\. Nothing was changed \(TASK_REFUSED\)/],
      [['fay@example.com'], '', 1, /pipe it in/],
    ] as const) {
      const refused = await run(args, input);
      assert.equal(refused.code, code, refused.out);
      assert.match(refused.out, said);
      assert.ok(input === '' || !refused.out.includes(input));
    }
  });
});
