import { didYouMean } from './did-you-mean.ts';

/** What went wrong while reading, collected so that all of it is reported at once. */
export interface Findings {
  readonly errors: string[];
  readonly warnings: string[];
}

interface SectionKeys {
  readonly known: readonly string[];
  /** Keys of the format that this version does not act on. Ignoring them silently could open a door. */
  readonly unsupported?: readonly string[];
}

/**
 * One object of the file. Keys are found without regard to case; a missing key is `undefined`; a value of the
 * wrong type is reported with its path and then treated as missing.
 */
export interface Section {
  readonly path: string;
  has(key: string): boolean;
  string(key: string): string | undefined;
  integer(key: string): number | undefined;
  boolean(key: string): boolean | undefined;
  strings(key: string): readonly string[] | undefined;
  section(key: string, keys: SectionKeys): Section | undefined;
  sections(key: string, keys: SectionKeys): readonly Section[];
  error(key: string, message: string): void;
}

export function readSection(input: unknown, path: string, keys: SectionKeys, findings: Findings): Section {
  const values = new Map<string, unknown>();
  if (isObject(input)) {
    for (const [key, value] of Object.entries(input)) {
      checkKey(key, at(path, key), keys, findings);
      if (value !== null) values.set(key.toLowerCase(), value);
    }
  } else {
    findings.errors.push(`${path || 'the file'}: must be an object`);
  }

  const error = (key: string, message: string) => findings.errors.push(`${at(path, key)}: ${message}`);

  function read<T>(key: string, wanted: string, convert: (value: unknown) => T | undefined): T | undefined {
    const value = values.get(key.toLowerCase());
    if (value === undefined) return undefined;
    const converted = convert(value);
    if (converted === undefined) error(key, `must be ${wanted}`);
    return converted;
  }

  return {
    path,
    has: (key) => values.has(key.toLowerCase()),
    string: (key) => read(key, 'a string', (value) => (typeof value === 'string' ? value : undefined)),
    integer: (key) => read(key, 'a whole number', toInteger),
    boolean: (key) => read(key, 'true or false', toBoolean),
    strings: (key) => read(key, 'a list of strings', toStrings),
    section: (key, inner) => {
      const value = values.get(key.toLowerCase());
      return value === undefined ? undefined : readSection(value, at(path, key), inner, findings);
    },
    sections: (key, inner) =>
      (read(key, 'a list', (value) => (Array.isArray(value) ? (value as unknown[]) : undefined)) ?? []).map(
        (item, index) => readSection(item, `${at(path, key)}[${index}]`, inner, findings),
      ),
    error,
  };
}

function checkKey(
  key: string,
  place: string,
  { known, unsupported = [] }: SectionKeys,
  findings: Findings,
): void {
  const same = (candidate: string) => candidate.toLowerCase() === key.toLowerCase();
  if (known.some(same)) return;
  if (unsupported.some(same)) {
    findings.errors.push(`${place}: is not supported by this version of the gateway`);
    return;
  }
  const suggestion = didYouMean(key, [...known, ...unsupported]);
  const hint = suggestion === undefined ? '' : `, did you mean ${suggestion}?`;
  findings.warnings.push(`${place}: unknown key${hint || ', ignored'}`);
}

function at(path: string, key: string): string {
  return path === '' ? key : `${path}.${key}`;
}

function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** Numbers and booleans may be given as strings. */
function toInteger(value: unknown): number | undefined {
  const number = typeof value === 'string' && /^-?\d+$/.test(value) ? Number(value) : value;
  return typeof number === 'number' && Number.isSafeInteger(number) ? number : undefined;
}

function toBoolean(value: unknown): boolean | undefined {
  if (typeof value === 'boolean') return value;
  if (typeof value !== 'string') return undefined;
  return { true: true, false: false }[value.toLowerCase()];
}

function toStrings(value: unknown): readonly string[] | undefined {
  return Array.isArray(value) && value.every((item) => typeof item === 'string') ? value : undefined;
}
