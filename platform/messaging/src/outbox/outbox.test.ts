import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { uuidv7 } from '@flotilla/kernel';
import * as s from '@flotilla/kernel/schema';
import type { Transaction } from '@flotilla/postgres';
import { createTestDatabase, type TestDatabase } from '@flotilla/postgres/testing';
import { formatTraceparent, newTrace, runInContext } from '@flotilla/telemetry';
import { fromCloudEvent } from '../cloud-event.ts';
import { defineMessage } from '../message.ts';
import { outboxMigrations } from '../migrations.ts';
import { createOutbox } from './outbox.ts';

const noted = defineMessage({
  type: 'note.taken.v1',
  description: 'A note, for tests.',
  key: (data) => data.key,
  schema: s.object({ key: s.string(), text: s.string() }),
});

describe('the outbox', () => {
  let service: TestDatabase;
  before(async () => {
    service = await createTestDatabase([outboxMigrations]);
  });
  after(() => service.close());

  let commits = 0;
  const outbox = createOutbox({ source: 'notes', onCommit: () => (commits += 1) });
  const publish = (data: { key: string; text: string }, options = {}) =>
    service.db.transaction((tx) => outbox.publish(tx, noted, data, options));
  const stored = async (id: string) => {
    const [row] = await service.db.query<{ envelope: string }>(
      'SELECT envelope FROM outbox WHERE message_id = $1',
      [id],
    );
    const parsed = fromCloudEvent(row?.envelope ?? '');
    return parsed.ok ? parsed.value : assert.fail(parsed.rejection);
  };

  it('stores a CloudEvent that names its source, key and context', async () => {
    const trace = newTrace();
    const id = await runInContext({ trace, correlationId: 'process-1' }, () =>
      publish({ key: 'k', text: 'Grüße, "世界" \u0000' }, { causationId: 'command-1' }),
    );
    const { time, ...message } = await stored(id);
    assert.ok(Date.parse(time) > 0);
    assert.deepEqual(message, {
      id,
      type: 'note.taken.v1',
      source: 'notes',
      key: 'k',
      data: { key: 'k', text: 'Grüße, "世界" \u0000' },
      traceparent: formatTraceparent(trace),
      correlationId: 'process-1',
      causationId: 'command-1',
    });
  });

  it('begins a correlation of its own where there is none', async () => {
    const id = await publish({ key: 'k', text: '' });
    assert.equal((await stored(id)).correlationId, id);
  });

  it('keeps the id it is given', async () => {
    const id = uuidv7();
    assert.equal(await publish({ key: 'k', text: '' }, { id }), id);
  });

  const rows = async () => (await service.db.query('SELECT 1 FROM outbox')).length;

  it('gives its hint after a commit and not after a rollback', async () => {
    commits = 0;
    await publish({ key: 'k', text: '' });
    assert.equal(commits, 1);
    const refusal = new Error('rolled back');
    await assert.rejects(
      service.db.transaction(async (tx) => {
        await outbox.publish(tx, noted, { key: 'k', text: '' });
        throw refusal;
      }),
      refusal,
    );
    assert.equal(commits, 1);
  });

  it('discards with a savepoint only what was published inside of it', async () => {
    const before = await rows();
    const refusal = new Error('rolled back');
    await service.db.transaction(async (tx) => {
      await outbox.publish(tx, noted, { key: 'k', text: 'outside' });
      await assert.rejects(
        tx.savepoint(async () => {
          await outbox.publish(tx, noted, { key: 'k', text: 'inside' });
          throw refusal;
        }),
        refusal,
      );
    });
    assert.equal(await rows(), before + 1);
  });

  it('costs its transaction one insert for all messages, and neither a trigger nor a notification', async () => {
    const statements: { readonly sql: string; readonly values: readonly unknown[] }[] = [];
    await service.db.transaction(async (tx) => {
      const rows: unknown[] = [];
      const watched: Transaction = {
        ...tx,
        query: () => Promise.reject(new Error('a message needs no statement of its own')),
        defer: (kind, row) => {
          rows.push(row);
          statements.push(kind.statementFor(rows as (typeof row)[])); // one kind of rows in this test
        },
      };
      await outbox.publish(watched, noted, { key: 'k', text: 'one' });
      await outbox.publish(watched, noted, { key: 'k', text: 'two' });
    });
    assert.equal(statements.length, 2);
    for (const { sql } of statements) assert.match(sql, /^\s*INSERT INTO outbox /);
    assert.deepEqual(await service.db.query('SELECT tgname FROM pg_trigger WHERE NOT tgisinternal'), []);
  });

  it('numbers the messages of a transaction in the order in which they were published', async () => {
    const ids: string[] = [];
    await service.db.transaction(async (tx) => {
      for (let n = 0; n < 20; n += 1)
        ids.push(await outbox.publish(tx, noted, { key: `k${n % 3}`, text: String(n) }));
    });
    const stored = await service.db.query<{ message_id: string }>(
      'SELECT message_id FROM outbox WHERE message_id = ANY ($1::uuid[]) ORDER BY id',
      [ids],
    );
    assert.deepEqual(
      stored.map(({ message_id }) => message_id),
      ids,
    );
  });

  const invalid: [what: string, data: unknown, options: object, code: string][] = [
    ['data that breaks the schema', { key: 'k', text: 1 }, {}, 'MESSAGING_INVALID_DATA'],
    ['an unknown field', { key: 'k', text: '', more: 1 }, {}, 'MESSAGING_INVALID_DATA'],
    ['an empty key', { key: '', text: '' }, {}, 'MESSAGING_INVALID_DATA'],
    ['a key of more than 200 characters', { key: 'k'.repeat(201), text: '' }, {}, 'MESSAGING_INVALID_DATA'],
    ['a key with NUL', { key: 'k\0', text: '' }, {}, 'MESSAGING_INVALID_DATA'],
    ['an id that is no UUID', { key: 'k', text: '' }, { id: '17' }, 'MESSAGING_INVALID_DATA'],
    ['more than 256 KiB', { key: 'k', text: 'x'.repeat(256 * 1024) }, {}, 'MESSAGING_TOO_LARGE'],
  ];
  for (const [what, data, options, code] of invalid) {
    it(`refuses ${what}`, async () => {
      // A caller that the compiler did not check.
      await assert.rejects(publish(data as { key: string; text: string }, options), { code });
    });
  }
});
