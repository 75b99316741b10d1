import { commonPasswords } from './common-passwords.ts';

export type PasswordWeakness = 'too-short' | 'common' | 'personal';

const MIN_LENGTH = 8;

/**
 * NIST SP 800-63B: length and a list of what attackers try first; no rules about digits or symbols, which only
 * make passwords predictable. Characters are counted as people see them, not as UTF-16 units.
 */
export function findWeakness(
  password: string,
  person: { readonly email: string; readonly name: string },
): PasswordWeakness | undefined {
  if ([...password].length < MIN_LENGTH) return 'too-short';
  const lower = password.toLowerCase();
  const [localPart = ''] = person.email.split('@');
  const personal = [person.email, localPart, person.name].map((part) => part.toLowerCase());
  if (personal.includes(lower)) return 'personal';
  const oneCharacter = new Set(lower).size === 1;
  return oneCharacter || commonPasswords.has(lower) ? 'common' : undefined;
}
