import type { Endpoint } from '@flotilla/discovery';
import type { Found } from './candidate.ts';

/** The same list for the same endpoints: who compares by identity sees no change. */
export function createReader(): (endpoints: readonly Endpoint[]) => readonly Found[] {
  let known: readonly Endpoint[] | undefined;
  let found: readonly Found[] = [];
  return (endpoints) => {
    if (endpoints !== known) {
      known = endpoints;
      found = endpoints.map(toFound);
    }
    return found;
  };
}

function toFound({ id, host, port, weight = 1, zone, tags = [] }: Endpoint): Found {
  return { id, host, port, weight, zone, tags };
}

export function isSameFound(one: Found, other: Found | undefined): boolean {
  return (
    one.id === other?.id &&
    one.host === other.host &&
    one.port === other.port &&
    one.weight === other.weight &&
    one.zone === other.zone &&
    one.tags.join('\0') === other.tags.join('\0')
  );
}
