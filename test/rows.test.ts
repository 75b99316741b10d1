import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import type { Acting, Database, MigrationSource } from '@flotilla/postgres';
import { createTestDatabase, type TestDatabase } from '@flotilla/postgres/testing';
import system from '../flotilla.config.ts';

/** By what a row belongs to somebody. */
const OWNER_COLUMNS = ['customer_id', 'user_id', 'account_id', 'owner_id', 'tenant_id'];

/** Tables with such a column that no request of a user reaches: the policies of their routes let in services alone, or nobody yet. */
const GUARDED_BY_ROUTES: Readonly<Record<string, string>> = {
  'identity.account': 'identity decides who somebody is: it works before anybody is anybody',
  'identity.refresh_family': 'the same',
  'identity.known_address': 'the same',
  'identity.account_link': 'the same',
  'identity.sign_in_place': 'the same',
  'identity.second_factor': 'the same',
  'identity.recovery_code': 'the same',
  'identity.auth_session': 'the same',
  'identity.auth_logout_notice': 'the same',
  'user.erasure': 'whoever asked has no token any more: they are found by an id that nobody guesses',
  'notification.mail': 'GET /internal/mails is for administrators, whoever the mails are to',
  'payment.payment': 'PUT and POST /internal/payments are for the order service',
  'payment.charge_request': 'the same',
  'legacy.customers': 'the monolith is older than row security: each of its statements names the account',
  'pricing.redemption':
    'how often a coupon was used is counted over all customers; its routes are for the order service',
};

interface Table {
  readonly name: string;
  readonly is_secured: boolean;
}

const alice = { subject: '01935f3e-0000-7000-8000-00000000000a', tenantId: 'acme' };
const carol = { subject: '01935f3e-0000-7000-8000-00000000000c', tenantId: 'globex' };

/** A row of each table with row security, of one owner. */
const ROWS: Readonly<Record<string, (owner: typeof alice) => string>> = {
  'identity.passkey': ({ subject }) => `
    WITH whose AS (
      INSERT INTO account (id, email, email_key, name, role, permissions, password_hash)
      VALUES ('${subject}', '${subject}', '${subject}', 'n', 'Customer', '{}', 'h') ON CONFLICT DO NOTHING)
    INSERT INTO passkey (id, account_id, public_key, counter, transports, is_synced, name, created_at)
    VALUES (gen_random_uuid(), '${subject}', '', 0, '{}', false, 'n', now())`,
  'cart.cart': ({ subject }) => `INSERT INTO cart VALUES ('${subject}', now())`,
  'cart.cart_item': ({ subject }) => `INSERT INTO cart_item VALUES ('${subject}', 'sku-1', 1)`,
  'cart.checkout': ({ subject }) =>
    `INSERT INTO checkout (customer_id, idempotency_key, items) VALUES ('${subject}', 'k', '[]')`,
  'user.profile': ({ subject }) => `
    INSERT INTO profile (user_id, email, name, registered_at) VALUES ('${subject}', 'e', 'n', now())`,
  'user.address': ({ subject }) => `
    INSERT INTO address (id, user_id, name, line1, city, postal_code, country)
    VALUES (gen_random_uuid(), '${subject}', 'n', 'l', 'c', 'p', 'AT')`,
  'user.person_export': ({ subject }) =>
    `INSERT INTO person_export (id, user_id, email) VALUES (gen_random_uuid(), '${subject}', 'e')`,
  'user.person_export_part': ({ subject }) => `
    INSERT INTO person_export_part (export_id, user_id, service, data)
    VALUES (gen_random_uuid(), '${subject}', 'order', '{}')`,
  'recommendation.shopper': ({ subject }) =>
    `INSERT INTO shopper (customer_id, alias) VALUES ('${subject}', gen_random_uuid())`,
  'recommendation.viewed': ({ subject }) =>
    `INSERT INTO viewed (customer_id, product_id) VALUES ('${subject}', 'sku-1')`,
  'notification.recipient': ({ subject }) =>
    `INSERT INTO recipient VALUES ('${subject}', 'en', true, true, 1)`,
  'pricing.quote': ({ subject }) => `
    INSERT INTO quote (id, customer_id, request, evaluation, expires_at) VALUES (gen_random_uuid(), '${subject}', '{}', '{}', now())`,
  'order.idempotency_key': ({ subject }) =>
    `INSERT INTO idempotency_key (customer_id, key, request_hash, order_id) VALUES ('${subject}', 'k', 'h', gen_random_uuid())`,
  'order.moved_order': ({ subject }) => `
    INSERT INTO moved_order (number, customer_id, source_version, stage, content)
    VALUES ((random() * 1e9)::integer, '${subject}', 1, 'live', '{}')`,
  'order.order_view_row': ({ subject, tenantId }) => `
    INSERT INTO order_view_row (generation, id, customer_id, tenant_id, idempotency_key, status, currency, total_minor,
      shipping_address, lines, history, created_at, updated_at)
    SELECT active, gen_random_uuid(), '${subject}', '${tenantId}', 'k', 'Pending', 'EUR', 1, '{}', '[]', '[]', now(), now()
    FROM projection WHERE name = 'order_view'`,
};

const databases = Object.entries(system.services).flatMap(([service, { database }]) =>
  database ? [[service, database.migrations] as const] : [],
);

for (const [service, migrations] of databases)
  describe(`rows of the ${service} service`, () => {
    let opened: Opened;
    before(async () => {
      opened = await open(service, migrations);
    });
    after(() => opened.test.close());

    it('have row security wherever they belong to somebody', () => {
      const open = opened.tables
        .filter(({ is_secured }) => !is_secured)
        .map(({ name }) => `${service}.${name}`);
      assert.deepEqual(
        open.filter((name) => !(name in GUARDED_BY_ROUTES)),
        [],
      );
    });

    it('are shown by views as whoever asks may see them', async () => {
      const names = opened.tables.filter(({ is_secured }) => is_secured).map(({ name }) => name);
      assert.deepEqual(await viewsOverAll(opened.test.db, names), []);
    });

    it('are nobody else’s, whatever a statement forgets', async () => {
      for (const { name, is_secured: isSecured } of opened.tables) {
        if (!isSecured) continue;
        const insert = ROWS[`${service}.${name}`];
        assert.ok(insert, `${service}.${name} has row security: give this test a row of it`);
        for (const owner of [alice, carol]) await opened.as(undefined, (db) => db.query(insert(owner), []));
      }
      for (const { name, is_secured: isSecured } of opened.tables) if (isSecured) await tryEverything(name);
    });

    async function tryEverything(table: string): Promise<void> {
      const count = async (who: Acting | undefined) =>
        (await opened.as(who, (db) => db.query(`SELECT FROM ${table}`, []))).length;
      assert.deepEqual(
        [await count(alice), await count(carol), await count('nobody'), await count(undefined)],
        [1, 1, 0, 2],
        table,
      );
      const insert = ROWS[`${service}.${table}`]?.(carol) ?? '';
      await assert.rejects(
        opened.as(alice, (db) => db.query(insert, [])),
        /row-level security|duplicate key/,
        `${table}: a row in the name of another`,
      );
      const owned =
        ['customer_id', 'user_id', 'account_id', 'owner_id'].find((column) => insert.includes(column)) ??
        'customer_id';
      const give = opened.as(alice, (db) =>
        db.query(`UPDATE ${table} SET ${owned} = '${carol.subject}' RETURNING 1`, []),
      );
      await assert.rejects(give, `${table}: a row that is given away`);
      const taken = opened.as('nobody', (db) => db.query(`DELETE FROM ${table} RETURNING 1`, []));
      assert.deepEqual(await taken, [], table);
      assert.equal(await count(undefined), 2, table);
    }
  });

interface Opened {
  readonly test: TestDatabase;
  readonly tables: readonly Table[];
  as<T>(who: Acting | undefined, work: (db: Database) => Promise<T>): Promise<T>;
}

async function open(service: string, migrations: readonly MigrationSource[]): Promise<Opened> {
  const test = await createTestDatabase(migrations);
  let acting: Acting | undefined;
  const db = await test.asService(() => acting);
  const tables = await test.db.query<Table>(
    `SELECT DISTINCT c.relname AS name, c.relrowsecurity AS is_secured
     FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid
     WHERE c.relkind IN ('r', 'p') AND c.relnamespace = 'public'::regnamespace AND a.attname = ANY ($1)
     ORDER BY 1`,
    [OWNER_COLUMNS],
  );
  // A cart before what is in it.
  const sorted = [...tables].sort((a, b) => a.name.length - b.name.length);
  return {
    test,
    tables: service === 'cart' ? sorted : tables,
    as: async (who, work) => {
      acting = who;
      return await work(db).finally(() => {
        acting = undefined;
      });
    },
  };
}

/** Views that read these tables as their own owner, whom no policy holds back. */
async function viewsOverAll(db: Database, tables: readonly string[]): Promise<readonly string[]> {
  const rows = await db.query<{ view: string }>(
    `SELECT DISTINCT v.relname AS view
     FROM pg_depend d JOIN pg_rewrite r ON r.oid = d.objid JOIN pg_class v ON v.oid = r.ev_class
     JOIN pg_class t ON t.oid = d.refobjid
     WHERE v.relkind = 'v' AND v.relnamespace = 'public'::regnamespace AND (t.relname = ANY ($1) OR t.relkind = 'v')
       AND t.relnamespace = 'public'::regnamespace AND v.oid <> t.oid
       AND NOT coalesce(v.reloptions @> '{security_invoker=true}', false)
       AND EXISTS (SELECT FROM unnest($1::text[]))`,
    [tables],
  );
  return rows.map(({ view }) => view);
}
