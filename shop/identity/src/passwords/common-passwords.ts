import { MIN_LENGTH } from '../domain/password-policy.ts';

/** Resolves to the passwords that attackers try first, in lower case. */
export type CommonPasswords = () => Promise<ReadonlySet<string>>;

/** Of the same lists, but left to other rules where those come from. */
const MORE =
  `password1! p@ssword pa$$word qwertz123 admin1234 changeme123 test12345 login123 guest123 root1234
  linkedin facebook1 flotilla flotilla1 flotilla123`.split(/\s+/);

/**
 * Some 18,000 that are long enough to be chosen, of the 49,000 that zxcvbn keeps from published leaks. Read when the
 * first account is made: that takes some 40 ms and 20 MB, which a start without sign-ups does not pay.
 */
export function createCommonPasswords(): CommonPasswords {
  let loading: Promise<ReadonlySet<string>> | undefined;
  return () => {
    loading ??= load();
    return loading;
  };
}

async function load(): Promise<ReadonlySet<string>> {
  const { dictionary } = await import('@zxcvbn-ts/language-common');
  const known = dictionary['passwords-common'].filter((password) => password.length >= MIN_LENGTH);
  return new Set([...known, ...MORE]);
}
