import type { ConsoleDeps, FaultRow, Sample } from '../src/deps.ts';

type Fakes = Pick<
  ConsoleDeps,
  'withEvents' | 'scrape' | 'faults' | 'registry' | 'slos' | 'gateways' | 'identity' | 'invariants'
>;

/** What the rest of a small system would say: one open circuit, one objective in trouble, one thing that does not hold. */
export function sampleSystem(): Fakes & { readonly done: string[] } {
  const done: string[] = [];
  let faults: readonly FaultRow[] = [];
  return {
    done,
    withEvents: ['order'],
    scrape: async () => ({ samples: SAMPLES, missing: [] }),
    faults: {
      list: async () => faults,
      add: async (edge, parts) => {
        const [from = '', to = ''] = edge.split('→');
        faults = [{ from, to, text: [edge, ...parts].join(' ') }];
        return faults;
      },
      clear: async () => {
        faults = [];
        return faults;
      },
    },
    registry: async () => ({
      source: 'http://127.0.0.1:8500',
      instances: ['inventory', 'order', 'payment', 'shipping'].map((service, index) => ({
        ...{ service, id: `${service}-1`, address: `127.0.0.1:${30_000 + index}`, tags: ['v1'] },
        status: service === 'shipping' ? ('critical' as const) : ('passing' as const),
        output: service === 'shipping' ? 'no heartbeat for 15 s' : '',
      })),
    }),
    slos: async () => [
      sloOf('availability', 0.999, 0.9996, 0.6, [0, 0.4, 0.4], null),
      sloOf('orders', 0.999, 0.991, -8, [120, 31, 9], 'page'),
      { ...sloOf('outbox', 0.999, 1, 1, [0, 0, 0], null), events: null },
    ],
    gateways: async () => [
      {
        name: 'gateway-1',
        get: async (path) => GATEWAY[path] ?? ROUTE,
        post: async (path, body) => {
          if (path === '/explain') return EXPLANATION;
          done.push(`${path} ${JSON.stringify(body ?? {})}`);
          return { changes: [] };
        },
      },
    ],
    identity: {
      ask: async (task, verb) => IDENTITY[`${task} ${verb}`],
      change: async (task, { by, reason }, ...given) => {
        done.push([task, ...given, by, reason].join(' '));
        return { isEnded: true };
      },
      keys: async () => [{ kid: 'oO0n', alg: 'ES256', kty: 'EC', use: 'sig' }],
    },
    invariants: async () => [
      { id: 'M1', what: 'An order is paid once at most', violations: [] },
      {
        id: 'S2',
        what: 'What is reserved is on hand',
        violations: [{ product: 'sku-0001', reserved: 12, on_hand: 9 }],
      },
      {
        id: 'O4',
        what: 'Every answer has its order',
        violations: [],
        skipped: 'nobody wrote down what clients saw',
      },
    ],
  };
}

const edgeSample = (of: string, edge: string, value: number, more: object = {}): Sample => ({
  metric: `resilience_edge_${of}`,
  labels: { job: edge.split('→')[0] ?? '', edge, ...more },
  value,
});

const SAMPLES: readonly Sample[] = [
  ...['order→inventory grpc', 'order→payment', 'order→shipping'].flatMap((edge) => [
    edgeSample('breaker', edge, edge.endsWith('shipping') ? 2 : 0),
    edgeSample('running', edge, 1),
    edgeSample('limit', edge, 40),
    edgeSample('ejected', edge, 0),
    edgeSample('events_total', edge, 1_200, { of: 'calls' }),
    edgeSample('events_total', edge, edge.endsWith('shipping') ? 96 : 3, { of: 'retries' }),
    edgeSample('events_total', edge, edge.endsWith('shipping') ? 410 : 0, { of: 'circuitRefusals' }),
  ]),
  { metric: 'resilience_server_running', labels: { job: 'order' }, value: 2 },
  { metric: 'resilience_server_limit', labels: { job: 'order' }, value: 64 },
  { metric: 'resilience_server_shed_total', labels: { job: 'order' }, value: 0 },
  { metric: 'discovery_age_seconds', labels: { job: 'order', service: 'shipping' }, value: 95 },
  { metric: 'discovery_instances', labels: { job: 'order', service: 'shipping' }, value: 1 },
  { metric: 'discovery_age_seconds', labels: { job: 'order', service: 'payment' }, value: 4 },
  { metric: 'discovery_instances', labels: { job: 'order', service: 'payment' }, value: 2 },
];

function sloOf(
  name: string,
  objective: number,
  good: number,
  budgetLeft: number,
  rates: readonly number[],
  alert: 'page' | null,
) {
  const burns = [300, 3_600, 21_600].map((seconds, index) => ({ seconds, rate: rates[index] ?? null }));
  const description =
    name === 'orders' ? 'Orders are confirmed or cancelled within half a minute.' : 'It is answered.';
  return { name, indicator: name, description, objective, events: 41_200, good, budgetLeft, burns, alert };
}

const ROUTE = {
  ...{
    id: 'orders',
    upstream: '/orders/{id}',
    methods: ['GET', 'POST'],
    downstream: 'order',
    usable: 1,
    breaker: 'closed',
  },
  versions: [
    { tag: 'v1', weight: 90 },
    { tag: 'v2', weight: 10 },
  ],
  instances: [
    {
      ...{ id: 'order-1', address: 'http://127.0.0.1:30001', state: 'usable', inFlight: 2, latencyMs: 12.4 },
      consecutiveFailures: 0,
    },
    {
      ...{ id: 'order-2', address: 'http://127.0.0.1:30002', state: 'ejected', inFlight: 0, latencyMs: 810 },
      consecutiveFailures: 5,
    },
  ],
  config: { key: 'orders' },
};

const GATEWAY: Readonly<Record<string, unknown>> = {
  '/routes': [
    { ...ROUTE, instances: 2 },
    {
      id: 'shipping',
      upstream: '/shipments',
      methods: ['GET'],
      downstream: 'shipping',
      instances: 1,
      usable: 0,
      breaker: 'open',
    },
  ],
  '/limits': { inFlight: 3, loopDelayMs: 1.2 },
  '/cache': { entries: 40, bytes: 91_000 },
};

const EXPLANATION = {
  winner: {
    ...{ kind: 'route', place: 'Routes[3]', name: '/orders/{id}', values: { id: '7' } },
    upstream: [
      {
        method: 'GET',
        url: 'http://order/orders/7',
        balancer: 'least loaded',
        instances: 'by discovery',
        policies: ['timeout'],
      },
    ],
  },
  refusal: null,
  others: [{ place: 'Routes[4]', name: '/orders', reasons: ['the path is longer'] }],
};

const IDENTITY: Readonly<Record<string, unknown>> = {
  'users list': [
    {
      ...{
        id: '01935f3e-0000-7000-8000-0000000000a1',
        email: 'alice@example.com',
        name: 'Alice',
        role: 'customer',
      },
      ...{ isDisabled: false, createdAt: new Date().toISOString() },
    },
  ],
  'users show': {
    id: '01935f3e-0000-7000-8000-0000000000a1',
    email: 'alice@example.com',
    isDisabled: false,
    sessions: 1,
  },
  'clients list': [{ id: 'web-app', name: 'Shop', kind: 'confidential', scopes: ['openid'], secrets: 1 }],
  'sessions list': [
    {
      ...{ id: '01935f3e-0000-7000-8000-0000000000b1', device: 'Firefox on Linux', address: '127.0.0.1' },
      ...{ clientIds: ['web-app'], lastUsedAt: new Date().toISOString() },
    },
  ],
};
