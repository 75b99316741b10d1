import type { DeadLetterFilter } from '@flotilla/messaging';
import { flag, text, type Values } from '../../command-line/command.ts';
import { momentOf } from '../../command-line/value-kinds.ts';
import { cliError } from '../../errors.ts';

/** The conditions on the command line; none given is the empty filter. */
export function filterOf(values: Values, now: Date): DeadLetterFilter {
  const before = ageOf(values, 'older-than', now);
  const after = ageOf(values, 'newer-than', now);
  return {
    ...given('consumer', text(values, 'consumer')),
    ...given('type', text(values, 'type')),
    ...given('key', text(values, 'key')),
    ...given('text', text(values, 'text')),
    ...given('deadBefore', before),
    ...given('deadAfter', after),
  };
}

/** One id, a filter, or everything when that was said: nobody should empty a queue by leaving a word out. */
export function selectionOf(values: Values, id: string | undefined, now: Date): string | DeadLetterFilter {
  const filter = filterOf(values, now);
  const ways = [id !== undefined, Object.keys(filter).length > 0, flag(values, 'all')].filter(Boolean);
  if (ways.length !== 1)
    throw cliError(
      'CLI_USAGE',
      'say which: an id, conditions such as --type, or --all, and one of them only',
    );
  return id ?? filter;
}

export function parseId(id: string): string {
  if (!/^\d{1,18}$/.test(id)) throw cliError('CLI_USAGE', `an id is a number, got ${id}`);
  return id;
}

function ageOf(values: Values, option: string, now: Date): Date | undefined {
  const value = text(values, option);
  return value === undefined ? undefined : momentOf(value, now);
}

function given<K extends string, V>(name: K, value: V | undefined): { readonly [key in K]?: V } {
  return value === undefined ? {} : ({ [name]: value } as { readonly [key in K]: V });
}
