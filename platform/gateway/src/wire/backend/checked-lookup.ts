import { type LookupAddress, lookup as systemLookup } from 'node:dns';
import type { LookupFunction } from 'node:net';
import { isCallable } from '../rules/callable-address.ts';

/**
 * Looks a name up as the system does and fails when any of its addresses must not be called: what discovery or a redirect names is
 * not the operator's choice, and neither is what the name resolves to. Looking when the connection is made leaves no time to change it.
 */
export function createCheckedLookup(lookup: LookupFunction = systemLookup): LookupFunction {
  return (hostname, options, callback) =>
    lookup(hostname, options, (error, found, family) => {
      const refused = error === null ? addressesOf(found).find((address) => !isCallable(address)) : undefined;
      if (refused === undefined) callback(error, found, family);
      else callback(new Error(`${hostname} is ${refused}, which must not be called`), []);
    });
}

function addressesOf(found: string | LookupAddress[]): readonly string[] {
  return typeof found === 'string' ? [found] : found.map(({ address }) => address);
}
