import { isUuid } from '@flotilla/kernel';
import { consoleError } from '../errors.ts';

type Body = Readonly<Record<string, unknown>>;

/** A change is recorded with its reason. */
export function reasonOf(body: Body): string {
  const reason = body['reason'];
  const text = typeof reason === 'string' ? reason.trim() : '';
  if (text === '') throw consoleError('CONSOLE_BAD_REQUEST', 'a change is recorded with its reason: say why');
  if (text.length > 500) throw consoleError('CONSOLE_BAD_REQUEST', 'a reason has at most 500 characters');
  return text;
}

/** The id of a row in a service's database, whose column would refuse anything else. */
export function uuidOf(text: string | undefined, what: string): string {
  if (text !== undefined && isUuid(text)) return text;
  throw consoleError('CONSOLE_NOT_FOUND', `no ${what} has this id`);
}

export function oneOf<T extends string>(value: unknown, allowed: readonly T[], what: string): T {
  const found = allowed.find((one) => one === value);
  if (found !== undefined) return found;
  throw consoleError('CONSOLE_BAD_REQUEST', `${what} is one of ${allowed.join(', ')}`);
}

export function numberOf(query: URLSearchParams, name: string): number | undefined {
  const text = query.get(name);
  if (text === null || text === '') return undefined;
  const number = Number(text);
  if (Number.isFinite(number)) return number;
  throw consoleError('CONSOLE_BAD_REQUEST', `${name} is a number`);
}

export function textOf(query: URLSearchParams, name: string): string | undefined {
  return query.get(name)?.trim() || undefined;
}
