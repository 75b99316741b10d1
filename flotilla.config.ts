import { join, relative } from 'node:path';
import { providerMigrations } from '@flotilla/auth/provider/migrations';
import { bffMigrations } from '@flotilla/bff/migrations';
import { defineSystem, type RecordConfig, type ServiceConfig, type WelcomeFacts } from '@flotilla/cli';
import { eventStoreMigrations } from '@flotilla/event-store';
import { busMigrations, inboxMigrations, outboxMigrations } from '@flotilla/messaging';
import { sagaMigrations } from '@flotilla/saga';

/** Tables of a service's own. */
const own = (name: string) => ({ name, directory: join(import.meta.dirname, `shop/${name}/migrations`) });

/** What an operator sees of an order, from wherever it lies. */
const orders: RecordConfig = {
  title: 'Orders',
  list: {
    database: 'order',
    sql: `SELECT id, status, customer_email AS customer, total_minor / 100.0 AS total, currency, cancellation_reason AS reason,
        created_at AS placed, updated_at AS changed
      FROM order_view WHERE $1 = '' OR id::text LIKE $1 || '%' OR customer_email ILIKE '%' || $1 || '%' OR status ILIKE $1
      ORDER BY (status NOT IN ('Confirmed', 'Cancelled')) DESC, id DESC LIMIT $2`,
  },
  parts: [
    {
      title: 'Order',
      database: 'order',
      sql: `SELECT id, status, customer_email AS customer, total_minor / 100.0 AS total, currency, cancellation_reason AS reason, version,
          created_at AS placed, updated_at AS changed FROM order_view WHERE id::text = $1`,
    },
    {
      title: 'Lines',
      database: 'order',
      sql: `SELECT product_id AS product, name, quantity, unit_price_minor / 100.0 AS price FROM order_view_line WHERE order_id::text = $1
        ORDER BY line_number`,
    },
    {
      title: 'States',
      database: 'order',
      sql: `SELECT entry->>'status' AS status, (entry->>'at')::timestamptz AS at
        FROM order_view, jsonb_array_elements(history) AS entry WHERE id::text = $1`,
    },
    {
      title: 'Reservation',
      database: 'inventory',
      sql: `SELECT status, product_id AS product, quantity, expires_at AS expires, updated_at AS changed
        FROM reservation LEFT JOIN reservation_line USING (order_id) WHERE order_id = $1`,
    },
    {
      title: 'Payment',
      database: 'payment',
      sql: `SELECT id, status, amount_minor / 100.0 AS amount, currency, decline_reason AS declined, attempts, updated_at AS changed
        FROM payment WHERE order_id = $1`,
    },
    {
      title: 'Shipment',
      database: 'shipping',
      sql: `SELECT id, status, tracking_number AS tracking, refusal_reason AS refused, created_at AS created
        FROM shipment WHERE order_id = $1`,
    },
    {
      title: 'Messages that wait to be sent',
      database: 'order',
      sql: `SELECT message_id AS message, type, created_at AS since FROM outbox WHERE key = $1 ORDER BY created_at LIMIT 50`,
    },
  ],
  saga: { database: 'order', sql: 'SELECT id AS saga_id FROM saga_instance WHERE id::text = $1' },
  spanAttributes: ['order.id', 'shop.order.id'],
};

/** Behind the gateway: one service, one process, one database. */
const services = {
  identity: {
    entry: 'shop/identity/src/main.ts',
    inherits: ['ACCESS_TOKEN_SECONDS', 'OIDC_CLIENTS'],
    // A password's hash takes 19 MiB for a moment. The C library would keep that for each thread that ever made one; like this it is given back, in
    // pages that are large enough to cost nothing.
    env: { GLIBC_TUNABLES: 'glibc.malloc.mmap_threshold=1048576:glibc.malloc.hugetlb=1' },
    database: { migrations: [providerMigrations, own('identity'), outboxMigrations, inboxMigrations] },
    bus: true,
    issuesTokens: true,
    secrets: ['KEY_ENCRYPTION_KEY'],
    tasks: {
      'make-administrator': {
        entry: 'shop/identity/src/tasks/make-administrator.ts',
        summary: 'an e-mail address and a name; asks for the password',
      },
      'rotate-keys': {
        entry: 'shop/identity/src/tasks/rotate-keys.ts',
        summary: 'new signing keys; --reason',
      },
      users: {
        entry: 'shop/identity/src/tasks/users.ts',
        summary: 'list, find, show, disable, enable, send-reset, remove-second-factor',
      },
      sessions: {
        entry: 'shop/identity/src/tasks/sessions.ts',
        summary: 'list, end, end-all: where users are signed in',
      },
      clients: {
        entry: 'shop/identity/src/tasks/clients.ts',
        summary: 'list, show, rotate-secret, replace-secret: applications',
      },
    },
  },
  user: {
    entry: 'shop/user/src/main.ts',
    database: { migrations: [own('user'), outboxMigrations, inboxMigrations, sagaMigrations] },
    bus: true,
    // What becomes of a person's data: each of them shows it, and erases it.
    calls: {
      ...{ identity: {}, order: {}, payment: {}, shipping: {}, cart: {}, pricing: {} },
      ...{ recommendation: {}, notification: {}, legacy: {} },
    },
    clientScopes: ['people.write'],
  },
  inventory: {
    entry: 'shop/inventory/src/main.ts',
    calledBy: ['order-service'],
    inherits: ['INVENTORY_MONGODB_URL', 'RESERVATION_TTL_SECONDS', 'RESERVATION_EXPIRY_INTERVAL_MS'],
    database: { migrations: [own('inventory'), outboxMigrations, inboxMigrations] },
    bus: true,
    tasks: {
      'import-products': {
        entry: 'shop/inventory/src/tasks/import-products.ts',
        summary: 'a JSON file of products with prices and stock',
      },
    },
  },
  pricing: {
    entry: 'shop/pricing/src/main.ts',
    inherits: ['QUOTE_TTL_SECONDS'],
    database: { migrations: [own('pricing'), outboxMigrations, inboxMigrations] },
    bus: true,
    calls: { inventory: {} },
    clientScopes: ['inventory.read'],
    tasks: {
      'import-prices': {
        entry: 'shop/pricing/src/tasks/import-prices.ts',
        summary: 'a JSON file of promotions, coupons, price lists, tax and shipping rates',
      },
    },
  },
  order: {
    entry: 'shop/order/src/main.ts',
    inherits: ['ORDER_FLOW', 'ORDER_DEADLINE_SECONDS', 'IDEMPOTENCY_KEY_DAYS'],
    database: {
      migrations: [eventStoreMigrations, own('order'), outboxMigrations, inboxMigrations, sagaMigrations],
    },
    bus: true,
    calls: { inventory: {}, pricing: {}, payment: {}, shipping: {}, legacy: {} },
    clientScopes: [
      ...['inventory.read', 'inventory.write', 'pricing.write', 'payment.write', 'shipping.write'],
      'legacy.write',
    ],
    tasks: {
      'move-legacy-orders': {
        entry: 'shop/order/src/tasks/move-legacy-orders.ts',
        summary: "start, close, stop, status: the monolith's orders are moved here while both run",
      },
    },
  },
  // What the shop was before; the gateway moves its routes, the order service its orders.
  legacy: {
    entry: 'shop/legacy/src/main.ts',
    database: { migrations: [own('legacy')] },
  },
  'payment-provider': {
    entry: 'shop/payment-provider/src/main.ts',
    database: { migrations: [own('payment-provider')] },
    secrets: ['PROVIDER_API_KEY'],
  },
  payment: {
    entry: 'shop/payment/src/main.ts',
    database: { migrations: [own('payment'), outboxMigrations, inboxMigrations] },
    bus: true,
    secrets: ['PROVIDER_API_KEY'],
  },
  shipping: {
    entry: 'shop/shipping/src/main.ts',
    database: { migrations: [own('shipping'), outboxMigrations, inboxMigrations] },
    bus: true,
  },
  cart: {
    entry: 'shop/cart/src/main.ts',
    inherits: ['CHECKOUT_DAYS'],
    database: { migrations: [own('cart'), inboxMigrations] },
    bus: true,
    calls: { inventory: {}, order: {} },
    clientScopes: ['inventory.read'],
  },
  recommendation: {
    entry: 'shop/recommendation/src/main.ts',
    database: { migrations: [eventStoreMigrations, own('recommendation'), inboxMigrations] },
    bus: true,
    calls: { inventory: {} },
    clientScopes: ['inventory.read'],
  },
  notification: {
    entry: 'shop/notification/src/main.ts',
    inherits: ['SMTP_URL', 'MAIL_FROM'],
    database: { migrations: [own('notification'), inboxMigrations] },
    bus: true,
  },
  'web-bff': {
    entry: 'shop/web-bff/src/main.ts',
    inherits: ['WEB_APP_SECRET'],
    database: { migrations: [bffMigrations] },
    calls: { identity: {}, user: {}, inventory: {}, pricing: {}, order: {}, cart: {}, recommendation: {} },
    secrets: ['SESSION_ENCRYPTION_KEY'],
  },
  'mobile-bff': {
    entry: 'shop/mobile-bff/src/main.ts',
    calls: { inventory: {}, order: {} },
  },
} satisfies Readonly<Record<string, ServiceConfig>>;

const gateway: ServiceConfig = {
  entry: 'shop/gateway/src/main.ts',
  bus: true,
  inherits: ['ADMIN_PORT', 'GATEWAY_CONFIG'],
  secrets: ['OPERATOR_TOKEN'],
  port: 8080,
  // Last, so that nobody can place an order before every subscriber has subscribed.
  needs: Object.keys(services),
};

/** The shop. `flotilla up` runs it. */
export default defineSystem({
  name: 'flotilla',
  services: { ...services, gateway },
  telemetry: {},
  console: {
    port: 8090,
    records: { orders },
    invariants: async (uriOf, moment) => (await import('./chaos/live.ts')).checkLive(uriOf, moment),
  },
  frontends: {
    console: { build: 'platform/console/ui/build.ts', output: 'platform/console/ui/dist' },
    storefront: {
      build: 'shop/storefront/build.ts',
      output: 'shop/storefront/dist',
      servedBy: 'web-bff',
    },
  },
  demos: async () => (await import('./demos/index.ts')).demos,
  slos: {
    availability: {
      ...{ indicator: 'availability', service: 'gateway', objective: 0.999 },
      description: 'What users ask for is answered, and not with a fault of ours.',
    },
    latency: {
      ...{ indicator: 'latency', service: 'gateway', withinSeconds: 0.5, objective: 0.99 },
      description: 'Users wait half a second at most.',
    },
    orders: {
      ...{ indicator: 'sagas-in-time', withinSeconds: 30, objective: 0.999 },
      sagas: ['place-order', 'place-order-with-coupon'],
      description: 'Orders are confirmed or cancelled within half a minute.',
    },
    messages: {
      ...{ indicator: 'messages-handled', objective: 0.9999 },
      description: 'Messages are handled; none ends as a dead letter.',
    },
    outbox: {
      ...{ indicator: 'outbox-age', withinSeconds: 10, objective: 0.999 },
      description: 'No committed message waits longer than ten seconds to be sent.',
    },
  },
  bus: { migrations: [busMigrations], types: async () => (await import('@shop/contracts')).eventTypes },
  issuer: { service: 'gateway', path: '/identity' },
  welcome: async ({ gateway = '' }, { demo, env, command }) => ({
    links: {
      Shop: `${gateway}/`,
      API: `${gateway}/docs`,
      Catalogue: `${gateway}/products`,
    },
    notes: [...flowNote(env), ...(!demo && (await isEmpty(gateway)) ? howToBegin(command) : [])],
    tryIt: placeAnOrder(gateway),
  }),
});

/** Which flow new orders take, where that is not the one that is meant without a word. */
function flowNote({
  ORDER_FLOW: flow = '',
  DATABASE_URL: server = '',
}: WelcomeFacts['env']): readonly string[] {
  if (flow !== 'choreography') return server === '' ? [] : ['Orders run by orchestration (ORDER_FLOW).'];
  return ['Orders run by choreography: events alone (ORDER_FLOW).'];
}

async function isEmpty(gateway: string): Promise<boolean> {
  try {
    const answer = await fetch(`${gateway}/products?limit=1`, { signal: AbortSignal.timeout(3_000) });
    const page = (await answer.json()) as { readonly items?: readonly unknown[] };
    return page.items?.length === 0;
  } catch {
    return false; // it has another problem
  }
}

function howToBegin(command: WelcomeFacts['command']): readonly string[] {
  const products = join(import.meta.dirname, 'shop/inventory/products.example.json');
  return [
    'It is empty. This makes an administrator, and a catalogue of the products in a file:',
    command('run', 'identity', 'make-administrator', 'admin@example.com'),
    command('run', 'inventory', 'import-products', relative(process.cwd(), products)),
  ];
}

/** Logs in as a demo customer and places an order; the answer is the order when it is confirmed. */
function placeAnOrder(gateway: string): string {
  const json = "-H 'Content-Type: application/json'";
  const login = `curl -s ${gateway}/auth/login ${json} -d '{"email":"alice@example.com","password":"alice-password"}'`;
  const token = `$(${login} | sed 's/.*"accessToken":"\\([^"]*\\)".*/\\1/')`;
  const order = {
    items: [{ productId: 'sku-0001', quantity: 1 }],
    payment: { token: 'tok_ok' },
    shippingAddress: {
      name: 'Alice',
      line1: '1 Main Street',
      city: 'Graz',
      postalCode: '8010',
      country: 'AT',
    },
  };
  return `curl -s ${gateway}/orders -H "Authorization: Bearer ${token}" -H "Idempotency-Key: $(date +%s)-$$" -H 'Prefer: wait=10' ${json} -d '${JSON.stringify(order)}'`;
}
