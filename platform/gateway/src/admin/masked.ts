import type { Json } from '@flotilla/kernel';

const MASK = '***';
const SECRET_KEY = /secret|token|passw|credential|private/i;
const SECRET_HEADER = /authorization|cookie|token|secret|key|passw/i;
/** Client ids that are free of limits open a door to whoever learns them. */
const MASKED_LISTS: ReadonlySet<string> = new Set(['whitelist']);
const USER_INFO = /\/\/[^/@\s]*@/g;

/** What may be shown of a configuration: JSON with maps as objects, and everything that is secret masked. */
export function masked(value: unknown): Json {
  if (typeof value === 'string') return value.replace(USER_INFO, `//${MASK}@`);
  if (typeof value === 'number') return Number.isFinite(value) ? value : 'unlimited';
  if (typeof value === 'boolean') return value;
  if (value instanceof Map) return maskedMembers([...value].map(([key, held]) => [String(key), held]));
  if (value instanceof Set) return [...value].map(masked);
  if (Array.isArray(value)) return value.map(masked);
  if (typeof value === 'object' && value !== null) return maskedMembers(Object.entries(value));
  return null;
}

function maskedMembers(members: readonly (readonly [string, unknown])[]): Json {
  const header = members.find(([key, value]) => key === 'header' && typeof value === 'string')?.[1];
  const isSecretHeader = typeof header === 'string' && SECRET_HEADER.test(header);
  return Object.fromEntries(
    members
      .filter(([, value]) => value !== undefined)
      .map(([key, value]) => [key, maskedMember(key, value, isSecretHeader)]),
  );
}

function maskedMember(key: string, value: unknown, isSecretHeader: boolean): Json {
  if (MASKED_LISTS.has(key)) return [...(value as Iterable<unknown>)].map(() => MASK);
  const isSecret = SECRET_KEY.test(key) || (isSecretHeader && ['value', 'find', 'replacement'].includes(key));
  return isSecret && typeof value === 'string' ? MASK : masked(value);
}
