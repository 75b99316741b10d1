import { isRecord } from '@flotilla/kernel';

/** One place where two responses differ; `legacy` and `new` are excerpts, `undefined` = not there. */
export interface Difference {
  readonly where: string;
  readonly legacy: string | undefined;
  readonly new: string | undefined;
}

/** Dotted paths; an item of an array has the path of the array; `*` stands for any one name. */
export type IgnoredPath = readonly string[];

const LONGEST_EXCERPT = 120;
const MOST_DIFFERENCES = 20;
const DEEPEST = 100;
const SECRET = /passw|secret|token|authorization|cookie|session|api.?key|credential|card|iban|cvc/i;

/** Where two JSON values differ, at most 20 places. The order of members does not matter, that of items does. */
export function compareJson(
  legacy: unknown,
  other: unknown,
  ignored: readonly IgnoredPath[],
): readonly Difference[] {
  const differences: Difference[] = [];
  visit(legacy, other, { where: 'body', names: [] });
  return differences;

  function visit(one: unknown, two: unknown, place: Place): void {
    if (differences.length >= MOST_DIFFERENCES || place.names.length > DEEPEST) return;
    if (ignored.some((path) => isSamePath(path, place.names))) return;
    if (Array.isArray(one) && Array.isArray(two)) visitItems(one, two, place);
    else if (isRecord(one) && isRecord(two)) visitMembers(one, two, place);
    else if (one !== two) note(one, two, place);
  }

  function note(one: unknown, two: unknown, place: Place): void {
    const isSecret = place.names.some((name) => SECRET.test(name));
    differences.push({ where: place.where, legacy: excerpt(one, isSecret), new: excerpt(two, isSecret) });
  }

  function visitItems(one: readonly unknown[], two: readonly unknown[], { where, names }: Place): void {
    const count = Math.max(one.length, two.length);
    for (let at = 0; at < count && differences.length < MOST_DIFFERENCES; at += 1)
      visit(one[at], two[at], { where: `${where}[${at}]`, names });
  }

  function visitMembers(one: JsonRecord, two: JsonRecord, { where, names }: Place): void {
    for (const name of new Set([...Object.keys(one), ...Object.keys(two)]))
      visit(member(one, name), member(two, name), { where: `${where}.${name}`, names: [...names, name] });
  }
}

interface Place {
  readonly where: string;
  readonly names: readonly string[];
}

type JsonRecord = Readonly<Record<string, unknown>>;

/** `__proto__` is a name like any other. */
function member(record: JsonRecord, name: string): unknown {
  return Object.hasOwn(record, name) ? record[name] : undefined;
}

function isSamePath(pattern: IgnoredPath, names: readonly string[]): boolean {
  return pattern.length === names.length && pattern.every((part, at) => part === '*' || part === names[at]);
}

function excerpt(value: unknown, isSecret: boolean): string | undefined {
  if (value === undefined) return undefined;
  if (isSecret) return '***';
  if (typeof value === 'object' && value !== null) return Array.isArray(value) ? '[…]' : '{…}';
  const text = JSON.stringify(value);
  return text.length > LONGEST_EXCERPT ? `${text.slice(0, LONGEST_EXCERPT)}…` : text;
}
