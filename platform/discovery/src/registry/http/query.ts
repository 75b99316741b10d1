import { parseGoDuration } from '../decode/go-duration.ts';
import { compileFilter, type Sample } from '../filter/compile-filter.ts';
import { FilterError } from '../filter/tokens.ts';
import type { Topics } from '../state/topics.ts';
import { Refusal, type RegistryRequest, type RegistryResponse } from './exchange.ts';

export const DATACENTER = 'dc1';

const DEFAULT_WAIT_MS = 300_000;
const MAX_WAIT_MS = 600_000;

/** Parameters that would change the response and are not known here: ignored, it would be taken for what it is not. */
const ABSENT = ['peer', 'peer-name', 'sg', 'sameness-group', 'merge-central-config'];

/** Refuses what the parameters ask for and nobody here can give. */
export function checkCommon(query: URLSearchParams): void {
  for (const name of ['ns', 'namespace'])
    if (query.get(name))
      throw new Refusal(400, 'Invalid query parameter: "ns" - Namespaces are a Consul Enterprise feature');
  if (query.get('partition'))
    throw new Refusal(
      400,
      'Invalid query parameter: "partition" - Partitions are a Consul Enterprise feature',
    );
  const datacenter = query.get('dc') || DATACENTER;
  if (datacenter !== DATACENTER) throw new Refusal(500, 'No path to datacenter');
  if (query.has('stale') && query.has('consistent'))
    throw new Refusal(400, 'Cannot specify ?stale with ?consistent, conflicting semantics.');
  const absent = ABSENT.find((name) => query.get(name));
  if (absent !== undefined) throw new Refusal(501, `This registry does not know the parameter ${absent}`);
}

export interface BlockingDeps {
  readonly topics: Topics;
  readonly random: () => number;
}

/** Reads when the topics have passed the index of the request, or its wait is over; at once without an index. */
export async function blocking(
  { query, signal }: RegistryRequest,
  topics: readonly string[],
  { topics: state, random }: BlockingDeps,
  read: () => Omit<RegistryResponse, 'status' | 'index'> & { readonly status?: number },
): Promise<RegistryResponse> {
  checkCommon(query);
  const { index, waitMs } = parseBlocking(query);
  // Up to a sixteenth longer, as Consul does, so that a thousand watchers do not come back at once.
  if (index > 0) await state.wait(topics, index, waitMs * (1 + random() / 16), signal);
  return { status: 200, ...read(), index: state.index(topics) };
}

export function parseBlocking(query: URLSearchParams): { readonly index: number; readonly waitMs: number } {
  const index = query.get('index') || '0';
  if (!/^\d{1,20}$/.test(index)) throw new Refusal(400, 'Invalid index');
  const wait = query.get('wait') || `${DEFAULT_WAIT_MS}ms`;
  const waitMs = parseGoDuration(wait.startsWith('-') ? wait.slice(1) : wait);
  if (waitMs === undefined) throw new Refusal(400, 'Invalid wait time');
  const isDefault = waitMs === 0 || wait.startsWith('-');
  return { index: Number(index), waitMs: isDefault ? DEFAULT_WAIT_MS : Math.min(MAX_WAIT_MS, waitMs) };
}

/** The entries that pass `?filter`. */
export function filtered<T>(query: URLSearchParams, sample: Sample, entries: readonly T[]): readonly T[] {
  const text = query.get('filter');
  if (!text) return entries;
  try {
    return entries.filter(compileFilter(text, sample));
  } catch (error) {
    if (!(error instanceof FilterError)) throw error;
    throw new Refusal(500, `Failed to create boolean expression evaluator: ${error.message}`);
  }
}

/** `?node-meta=key:value`, all of them. */
export function hasNodeMeta(query: URLSearchParams, meta: Readonly<Record<string, string>>): boolean {
  return query.getAll('node-meta').every((pair) => {
    const [key = '', ...value] = pair.split(':');
    return meta[key] === value.join(':');
  });
}
