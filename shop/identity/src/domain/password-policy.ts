export type PasswordWeakness = 'too-short' | 'common' | 'personal';

/** What is wrong with it, for who chose it. */
export const WEAKNESSES: Readonly<Record<PasswordWeakness, string>> = {
  'too-short': 'A password needs at least 8 characters.',
  common: 'This password is among those that attackers try first.',
  personal: 'A password must not be the name or the e-mail address of the account.',
};

export const MIN_LENGTH = 8;
/** `12341234` is as easy as `1234`. */
const MAX_REPEATED = 4;

/**
 * NIST SP 800-63B: length and a list of what attackers try first; no rules about digits or symbols, which only
 * make passwords predictable. Characters are counted as people see them, not as UTF-16 units.
 */
export function findWeakness(
  password: string,
  person: { readonly email: string; readonly name: string },
  common: ReadonlySet<string>,
): PasswordWeakness | undefined {
  if ([...password].length < MIN_LENGTH) return 'too-short';
  const lower = password.toLowerCase();
  const [localPart = ''] = person.email.split('@');
  const personal = [person.email, localPart, person.name].map((part) => part.toLowerCase());
  if (personal.includes(lower)) return 'personal';
  return common.has(lower) || isRepetition(lower) || isSequence(lower) ? 'common' : undefined;
}

function isRepetition(password: string): boolean {
  for (let length = 1; length <= MAX_REPEATED; length += 1) {
    const piece = password.slice(0, length);
    if (piece.repeat(Math.ceil(password.length / length)).startsWith(password)) return true;
  }
  return false;
}

/** `abcdefgh`, `0123456789`, `0987654321`. */
function isSequence(password: string): boolean {
  const steps = new Set<number>();
  for (let index = 1; index < password.length; index += 1) {
    const pair = password.slice(index - 1, index + 1);
    if (pair === '90') steps.add(1);
    else if (pair === '09') steps.add(-1);
    else steps.add(pair.charCodeAt(1) - pair.charCodeAt(0));
  }
  return steps.size === 1 && (steps.has(1) || steps.has(-1));
}
