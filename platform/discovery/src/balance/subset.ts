import type { Endpoint } from '../endpoint.ts';
import { hashText } from './hash.ts';

export interface SubsetOptions {
  /** This process: another one takes another subset. */
  readonly client: string;
  /** More instances than this are not all called. Default 100. */
  readonly above?: number;
  /** So many of them are. Default 20. */
  readonly size?: number;
}

const ABOVE = 100;
const SIZE = 20;

/**
 * With many instances each client keeps connections to some of them alone: always the same, spread over all clients, and
 * when one comes or goes only its own place changes.
 */
export function subsetOf(
  endpoints: readonly Endpoint[],
  { client, above = ABOVE, size = SIZE }: SubsetOptions,
): readonly Endpoint[] {
  if (endpoints.length <= above) return endpoints;
  const seed = hashText(client);
  return endpoints
    .map((endpoint) => ({ endpoint, rank: hashText(endpoint.id, seed) }))
    .sort((one, other) => one.rank - other.rank)
    .slice(0, size)
    .map(({ endpoint }) => endpoint);
}
