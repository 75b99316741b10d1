import type { DatabaseName, Invariant, System, Violation } from './invariant.ts';

/** Messages leave no trace once they are delivered, so loss and invention are looked for in their effects. */
export const messages: readonly Invariant[] = [
  {
    id: 'G1',
    what: 'nothing is lost: the end of every order was told to its customer',
    holds: 'at-rest',
    needs: ['order', 'notification'],
    find: async (system) => {
      const { ends, mails } = await readEnds(system);
      const told = new Set(mails.map((mail) => `${mail.order_id} ${mail.status}`));
      return ends
        .filter((end) => end.told && !told.has(`${end.order_id} ${end.status}`))
        .map((end) => ({ ...end }));
    },
  },
  {
    id: 'G2',
    what: 'nothing is invented: every mail about an order tells how it ended',
    holds: 'at-rest',
    needs: ['order', 'notification'],
    find: async (system) => {
      const { ends, mails } = await readEnds(system);
      const real = new Set(ends.map((end) => `${end.order_id} ${end.status}`));
      return mails
        .filter((mail) => !real.has(`${mail.order_id} ${mail.status}`))
        .map((mail) => ({ ...mail }));
    },
  },
  {
    id: 'G2b',
    what: 'nothing is invented: every welcome was sent to an account',
    holds: 'at-rest',
    needs: ['identity', 'notification'],
    find: async (system) => {
      const [welcomed, accounts] = await Promise.all([
        system.read<{ email: string }>('notification', WELCOMES),
        system.read<{ email: string }>('identity', 'SELECT email_key AS email FROM account'),
      ]);
      const known = new Set(accounts.map(({ email }) => email));
      return welcomed.filter(({ email }) => !known.has(email)).map((mail) => ({ ...mail }));
    },
  },
  {
    id: 'G3a',
    what: 'a message has one effect: nothing about an order was told twice',
    holds: 'always',
    needs: ['notification'],
    find: (system) => system.read('notification', TOLD_TWICE),
  },
  {
    id: 'G3b',
    what: 'every checkout of a cart ended as its order did',
    holds: 'at-rest',
    needs: ['order', 'cart'],
    find: findOtherCheckouts,
  },
  {
    id: 'G5',
    what: 'no message was given up',
    holds: 'at-rest',
    needs: [],
    find: (system) =>
      collect([
        ...SERVICES.map((name) =>
          readIfThere(
            system,
            name,
            'inbox_dead_letter',
            'SELECT consumer, id, type, key, reason, last_error FROM inbox_dead_letter',
          ),
        ),
        ...SERVICES.map((name) =>
          readIfThere(
            system,
            name,
            'outbox_parked',
            'SELECT id, type, key, parked_reason, last_error FROM outbox_parked',
          ),
        ),
      ]),
  },
  {
    id: 'G6',
    what: 'outboxes, queues and held messages are drained',
    holds: 'at-rest',
    needs: [],
    find: (system) =>
      collect([
        readIfThere(
          system,
          'bus',
          'bus.delivery',
          // Notices are kept for a while: every process reads them, and none takes them away.
          `SELECT q.name AS queue, d.id, d.type, d.key FROM bus.delivery d JOIN bus.queue q ON q.id = d.queue_id
           WHERE q.name <> '@notices'`,
        ),
        ...SERVICES.map((name) =>
          readIfThere(
            system,
            name,
            'inbox_held',
            'SELECT consumer, message_id, type, key, failures, last_error FROM inbox_held',
          ),
        ),
        ...SERVICES.map((name) => readIfThere(system, name, 'outbox', 'SELECT id, type, key FROM outbox')),
        ...SERVICES.map((name) =>
          readIfThere(
            system,
            name,
            'outbox_held',
            'SELECT id, type, key, attempts, last_error FROM outbox_held',
          ),
        ),
      ]),
  },
];

/** Every database that may have an outbox or an inbox. */
const SERVICES: readonly DatabaseName[] = [
  'order',
  'inventory',
  'pricing',
  'payment',
  'shipping',
  'cart',
  'notification',
  'identity',
];

interface OrderEnd {
  readonly order_id: string;
  readonly status: string;
  /** The order says whom to write to, who has not said that they do not want it. */
  readonly told: boolean;
}

interface Mail {
  readonly order_id: string;
  readonly status: string;
}

const WELCOMES = `
  SELECT lower(recipient) AS email FROM mail
  WHERE subject IN ('Welcome to the Flotilla shop', 'Willkommen im Flotilla-Shop')`;

const TOLD_TWICE = `
  SELECT subject, count(*)::integer AS mails FROM mail WHERE subject ~ '(order|Bestellung) \\S'
  GROUP BY recipient, subject HAVING count(*) > 1`;

const MAILS = `
  SELECT part[1] AS order_id, CASE WHEN part[2] IN ('is confirmed', 'ist bestätigt') THEN 'Confirmed' ELSE 'Cancelled' END AS status
  FROM mail, regexp_match(subject, 
    '^(?:Your order|Ihre Bestellung) (\\S+) (is confirmed|was cancelled|ist bestätigt|wurde storniert)$') AS part
  WHERE part IS NOT NULL`;

async function readEnds(system: System): Promise<{ ends: OrderEnd[]; mails: Mail[] }> {
  const [ends, mails, unwilling] = await Promise.all([
    system.read<OrderEnd & { readonly customer_id: string }>(
      'order',
      `SELECT id AS order_id, status, customer_id, customer_email IS NOT NULL AS told FROM order_view
       WHERE status IN ('Confirmed', 'Cancelled')`,
    ),
    system.read<Mail>('notification', MAILS),
    system.read<{ user_id: string }>('notification', 'SELECT user_id FROM recipient WHERE NOT notify_orders'),
  ]);
  const unwanted = new Set(unwilling.map(({ user_id: userId }) => userId));
  return {
    ends: ends.map(({ customer_id: customerId, told, ...end }) => ({
      ...end,
      told: told && !unwanted.has(customerId),
    })),
    mails,
  };
}

async function findOtherCheckouts(system: System): Promise<Violation[]> {
  interface Checkout {
    readonly attempt: string;
    readonly state: string;
  }
  const [checkouts, ends] = await Promise.all([
    system.read<Checkout>(
      'cart',
      "SELECT customer_id || ' ' || coalesce(order_key, idempotency_key) AS attempt, state FROM checkout",
    ),
    system.read<Checkout>(
      'order',
      `SELECT customer_id || ' ' || idempotency_key AS attempt, lower(status) AS state FROM order_view`,
    ),
  ]);
  const byAttempt = new Map(ends.map((end) => [end.attempt, end.state]));
  return checkouts
    .map((checkout) => ({ ...checkout, order: byAttempt.get(checkout.attempt) ?? 'none' }))
    .filter(({ state, order }) =>
      order === 'none' ? state === 'confirmed' || state === 'cancelled' : state !== order,
    );
}

async function collect(searches: readonly Promise<Violation[]>[]): Promise<Violation[]> {
  return (await Promise.all(searches)).flat();
}

async function readIfThere(
  system: System,
  database: DatabaseName,
  table: string,
  sql: string,
): Promise<Violation[]> {
  if (!system.has(database)) return [];
  const [found] = await system.read<{ there: boolean }>(
    database,
    `SELECT to_regclass('${table}') IS NOT NULL AS there`,
  );
  if (!found?.there) return [];
  return (await system.read(database, sql)).map((row) => ({ database, table, ...row }));
}
