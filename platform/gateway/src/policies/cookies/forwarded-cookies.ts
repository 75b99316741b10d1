import type { Step } from '../../exchange.ts';
import { fieldName } from '../../wire/rules/field-names.ts';
import { fieldValue, removeField, setField } from '../../wire/rules/fields.ts';
import type { ForwardedCookies } from './config.ts';

const COOKIE = fieldName('Cookie');

/**
 * Takes out every cookie that the route does not name. Browsers have one jar for all ports and paths of a host: what they send is often
 * somebody else's. `undefined` where all go on.
 */
export function compileForwardedCookies(allowed: ForwardedCookies | undefined): Step | undefined {
  if (allowed === undefined) return undefined;
  return ({ outgoing: { fields } }) => {
    const sent = fieldValue(fields, COOKIE.lower);
    if (sent === undefined) return undefined;
    const rest = onlyAllowed(sent, allowed);
    if (rest === '') removeField(fields, COOKIE.lower);
    else if (rest !== sent) setField(fields, COOKIE, rest);
    return undefined;
  };
}

/** Pairs as they were sent, in their order. Names of cookies are compared exactly (RFC 6265 §5.4). */
export function onlyAllowed(sent: string, { names, prefixes }: ForwardedCookies): string {
  if (names.size === 0 && prefixes.length === 0) return '';
  return sent
    .split(';')
    .map((pair) => pair.trim())
    .filter((pair) => {
      const equals = pair.indexOf('=');
      const name = equals === -1 ? '' : pair.slice(0, equals).trim();
      return names.has(name) || (name !== '' && prefixes.some((prefix) => name.startsWith(prefix)));
    })
    .join('; ');
}
