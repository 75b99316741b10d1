import assert from 'node:assert/strict';
import { after, it } from 'node:test';
import { seededRandom } from './order-load.ts';
import { type RunningSystem, signingOutLast } from './running-system.ts';

export const FUZZ_SEED: number = Number(process.env['FUZZ_SEED'] ?? Date.now() % 1_000_000);
const REQUESTS_PER_ROUTE = 12;
/** Of routes that count failures by address: a few, or nobody from here could log in afterwards. */
const REQUESTS_TO_LOG_IN = 2;

const TEXTS = [
  ...[
    '',
    ' ',
    '\0',
    'a\0b',
    '\ud83d',
    '😀',
    '\u202e',
    '../..',
    '%',
    '%00',
    '%2e%2e%2f',
    "' OR 1=1 --",
    '{{7*7}}',
  ],
  ...['null', '-1', '0', '1e309', '9007199254740993', 'x'.repeat(64), 'x'.repeat(5_000), 'sku-0060'],
];
const VALUES: readonly unknown[] = [
  ...TEXTS,
  ...[null, true, -1, 0, 1, 1_000, 1_001, 0.5, 2 ** 31, 2 ** 53, 1e300, [], {}, [[]], { a: { b: [null] } }],
];
const QUERIES = ['q', 'limit', 'cursor', 'quantity', 'returnUrl', '__proto__'];
const VALID = {
  items: [{ productId: 'sku-0060', quantity: 600 }],
  payment: { token: 'tok_declined' },
  shippingAddress: { name: 'A', line1: '1', city: 'Graz', postalCode: '8010', country: 'AT' },
  expectedTotal: { amountMinor: 1, currency: 'EUR' },
  ...{
    quantity: 1,
    onHand: 1_000,
    email: 'fuzz@example.com',
    password: 'x',
    name: 'Fuzz',
    refreshToken: 'x',
  },
};

interface Operation {
  readonly method: string;
  readonly path: string;
  /** Members of a valid body. */
  readonly members: readonly string[];
}

/** No public input is answered with a 5xx: every route that the gateway documents, with input that nobody meant. */
export const fuzz = (running: () => RunningSystem) => (): void => {
  after(() => running().forgetTokens());

  it('answers 4xx at worst, whatever is sent to any public route', async () => {
    const system = running();
    const tokens = await Promise.all([system.newcomer(), system.token('admin')]);
    const request = createRequests(seededRandom(FUZZ_SEED), [...tokens, 'x']);
    const operations = signingOutLast(await documented(system.url), ({ method, path }) => [method, path]);
    assert.ok(operations.length > 15, 'every route is documented');
    const wrong: string[] = [];
    for (const operation of operations)
      for (let n = 0; n < requestsTo(operation); n += 1) {
        const { target, init } = request(operation);
        const signal = AbortSignal.timeout(60_000);
        const answer = await fetch(system.url + target, { ...init, redirect: 'manual', signal });
        const text = await answer.text();
        if (answer.status >= 500)
          wrong.push(`${init.method} ${target} ${init.body}: ${answer.status} ${text}`);
      }
    assert.deepEqual(wrong, [], `FUZZ_SEED=${FUZZ_SEED}`);
  });
};

function requestsTo({ path }: Operation): number {
  return path.startsWith('/auth') || path === '/users' ? REQUESTS_TO_LOG_IN : REQUESTS_PER_ROUTE;
}

async function documented(url: string): Promise<readonly Operation[]> {
  interface Described {
    readonly requestBody?: {
      readonly content: Readonly<Record<string, { readonly schema: { readonly properties?: object } }>>;
    };
  }
  const document = (await (await fetch(`${url}/docs/openapi.json`)).json()) as {
    readonly paths: Readonly<Record<string, Readonly<Record<string, Described>>>>;
  };
  return Object.entries(document.paths).flatMap(([path, operations]) =>
    Object.entries(operations).map(([method, { requestBody }]) => {
      const schema = requestBody?.content['application/json']?.schema;
      return { method: method.toUpperCase(), path, members: Object.keys(schema?.properties ?? {}) };
    }),
  );
}

function createRequests(random: () => number, tokens: readonly string[]) {
  const pick = <T>(from: readonly T[]): T => from[Math.floor(random() * from.length)] as T;
  const text = () => encodeURIComponent(String(pick(TEXTS)).toWellFormed());
  const segment = () => (random() < 0.3 ? pick(['%00', '%ff', '%ed%a0%80', '..%2f', '%']) : text());

  /** A valid value with some of its parts, at any depth, replaced, doubled or left out. */
  function mutate(value: unknown): unknown {
    if (random() < 0.1) return pick(VALUES);
    if (Array.isArray(value)) return [...value, ...(random() < 0.3 ? value : [])].map(mutate);
    if (typeof value !== 'object' || value === null) return value;
    const kept = Object.entries(value).filter(() => random() > 0.05);
    return Object.fromEntries(kept.map(([name, part]) => [name, mutate(part)]));
  }

  function bodyFor(members: readonly string[]): string {
    if (random() < 0.2) return pick(['{', '[]', 'null', '"\\ud83d"', '['.repeat(5_000)]);
    return JSON.stringify(
      mutate(Object.fromEntries(Object.entries(VALID).filter(([name]) => members.includes(name)))),
    );
  }

  return ({ method, path, members }: Operation) => {
    const query = random() < 0.5 ? `?${pick(QUERIES)}=${text()}` : '';
    const headers = {
      authorization: `Bearer ${pick(tokens)}`,
      'content-type': random() < 0.9 ? 'application/json' : 'text/plain',
      'idempotency-key':
        random() < 0.6 ? `fuzz-${random()}` : pick(['', 'a b', 'x'.repeat(256), 'x'.repeat(3_000)]),
      prefer: pick(['wait=0', 'wait=-1', 'wait=99999', 'wait="1"', ',;=', 'respond-async']),
    };
    const hasBody = method !== 'GET' && method !== 'DELETE';
    const init = { method, headers, ...(hasBody && { body: bodyFor(members) }) };
    return { target: path.replaceAll(/\{[^}]+\}/g, segment) + query, init: { body: null, ...init } };
  };
}
