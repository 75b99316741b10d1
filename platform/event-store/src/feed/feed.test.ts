import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { eventually } from '@flotilla/kernel/testing';
import { accounts, createRig, deposited, type Rig } from '../../test/rig.ts';
import { createEventStore, FEED_START, type FeedPosition, readFeed, readHorizon } from '../index.ts';

const store = createEventStore();

describe('a feed', () => {
  let rig: Rig;
  before(async () => {
    rig = await createRig();
  });
  after(() => rig.close());

  /** Where the log ends now, so that tests do not see each other. Other databases of the server are busy, too. */
  async function end(): Promise<FeedPosition> {
    await eventually('nothing waits', async () => (await readHorizon(rig.db)).lagSeconds === 0);
    let at = FEED_START;
    for (;;) {
      const page = await readFeed(rig.db, [accounts], { after: at });
      if (page.events.length === 0) return at;
      at = page.next;
    }
  }
  const append = (tx: Parameters<typeof store.append>[0], id: string, by = 1) =>
    store.append(tx, accounts.stream(id), [deposited(by)], { expect: 'any' });
  const streamsOf = async (from: FeedPosition) => {
    const { events, next } = await readFeed(rig.db, [accounts], { after: from });
    return { ids: events.map((event) => event.streamId), next };
  };
  const shows = (from: FeedPosition, ...ids: string[]) =>
    eventually(`the feed shows ${ids}`, async () => (await streamsOf(from)).ids.join() === ids.join());

  it('does not miss who takes a position early and commits late, as a cursor by position does', async () => {
    const from = await end();
    const late = await rig.begin();
    const { position: latePosition } = await append(late, 'late');
    const earlyPosition = await rig.append('early', deposited(1));
    assert.ok(BigInt(latePosition) < BigInt(earlyPosition));

    // The naive reader: everything behind the last position it has seen.
    const naive = async (cursor: string) =>
      await rig.db.query<{ stream_id: string; position: string }>(
        'SELECT stream_id, position FROM event WHERE position > $1 ORDER BY position',
        [cursor],
      );
    const [first] = await naive(String(BigInt(latePosition) - 1n));
    assert.equal(first?.stream_id, 'account-early');
    const before = await streamsOf(from);
    assert.deepEqual(before.ids, [], 'nothing is shown while an older transaction may still add something');

    await late.commit();
    assert.deepEqual(await naive(first?.position ?? ''), [], 'the naive reader has lost an event for ever');
    await shows(before.next, 'account-late', 'account-early');
  });

  it('does not stall or skip at the hole that a rollback leaves', async () => {
    const from = await end();
    const given = await rig.begin();
    const { position } = await append(given, 'given-up');
    await given.rollback();
    const next = await rig.append('goes-on', deposited(1));
    assert.ok(BigInt(next) > BigInt(position));
    await shows(from, 'account-goes-on');
  });

  it('keeps the order of a stream, which the numbers of transactions alone would turn around', async () => {
    const from = await end();
    await rig.append('ordered', deposited(1));
    const early = await rig.begin();
    await early.query('SELECT pg_current_xact_id()'); // writes business rows first …
    await rig.append('ordered', deposited(2)); // … another one appends and commits …
    // … and only then it appends. Without the guard this would be version 3 under a smaller number than version 2.
    const [{ smaller } = { smaller: false }] = await early.query<{ smaller: boolean }>(
      "SELECT pg_current_xact_id() < last_xid AS smaller FROM event_stream WHERE stream_id = 'account-ordered'",
    );
    assert.equal(smaller, true);
    await assert.rejects(append(early, 'ordered', 3), { code: 'EVENT_STORE_ORDER_CONFLICT' });
    await early.rollback();
    await rig.append('ordered', deposited(3));
    await shows(from, 'account-ordered', 'account-ordered', 'account-ordered');
    const { events } = await readFeed(rig.db, [accounts], { after: from });
    assert.deepEqual(
      events.map((event) => event.version),
      [1, 2, 3],
    );
  });

  it('waits for a transaction that writes elsewhere, says for whom, and goes on when it ends', async () => {
    const from = await end();
    const idle = await rig.begin();
    await idle.query("SET application_name = 'nightly-report'");
    const [{ pid } = { pid: 0 }] = await idle.query<{ pid: number }>(
      'SELECT pg_backend_pid() AS pid, pg_current_xact_id()',
    );
    await rig.append('held-up', deposited(1));
    assert.deepEqual((await streamsOf(from)).ids, []);
    await eventually('it is named', async () => {
      const { lagSeconds, holder } = await readHorizon(rig.db);
      return lagSeconds > 0 && holder?.pid === pid && holder.application === 'nightly-report';
    });
    assert.deepEqual((await streamsOf(from)).ids, []);
    await idle.commit();
    await shows(from, 'account-held-up');
  });

  it('names the holder to an ordinary role, too', async () => {
    const role = `reader_${process.pid}`;
    await rig.db.query(`CREATE ROLE ${role}; GRANT SELECT ON event TO ${role}`);
    const idle = await rig.begin();
    try {
      const [{ pid } = { pid: 0 }] = await idle.query<{ pid: number }>(
        'SELECT pg_backend_pid() AS pid, pg_current_xact_id()',
      );
      await rig.append('watched', deposited(1));
      await eventually('it is named', () =>
        rig.db.transaction(async (tx) => {
          await tx.query(`SET LOCAL ROLE ${role}`);
          const { holder } = await readHorizon(tx);
          return holder?.pid === pid && holder.application === 'test';
        }),
      );
    } finally {
      await idle.rollback();
      await rig.db.query(`DROP OWNED BY ${role}; DROP ROLE ${role}`);
    }
  });

  it('does not wait for transactions that only read', async () => {
    const from = await end();
    const reader = await rig.begin();
    await reader.query('SELECT count(*) FROM event');
    await rig.append('seen', deposited(1));
    await shows(from, 'account-seen');
    await reader.rollback();
  });

  it('gives the same events in pages of any size', async () => {
    for (let n = 0; n < 7; n += 1) await rig.append(`page-${n}`, deposited(1), deposited(2));
    await end();
    const whole = await readFeed(rig.db, [accounts], { limit: 1_000 });
    const pages = [];
    let at = FEED_START;
    for (;;) {
      const page = await readFeed(rig.db, [accounts], { after: at, limit: 3 });
      if (page.events.length === 0) break;
      pages.push(...page.events);
      at = page.next;
    }
    assert.deepEqual(pages, whole.events);
  });

  it('shows its own categories alone', async () => {
    await rig.db.query(
      `SELECT append_events('other-1', 'other', NULL, '[["happened", 1, {}]]', NULL, NULL, NULL)`,
    );
    const { events } = await readFeed(rig.db, [accounts], { limit: 1_000 });
    assert.deepEqual([...new Set(events.map((event) => event.type))], ['deposited']);
  });

  it('is read by an index, whatever it is restricted to', async () => {
    await rig.db.query('SET enable_seqscan = off');
    const plan = await rig.db.query<{ 'QUERY PLAN': string }>(
      `EXPLAIN SELECT * FROM event WHERE category = 'account' AND (xid, position) > ('5'::xid8, 0::bigint)
       AND xid < pg_snapshot_xmin(pg_current_snapshot()) ORDER BY xid, position LIMIT 10`,
    );
    const text = plan.map((line) => line['QUERY PLAN']).join('\n');
    assert.match(text, /event_category_feed/);
    assert.doesNotMatch(text, /Sort/);
  });
});
