import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import * as s from '@flotilla/kernel/schema';
import { eventually } from '@flotilla/kernel/testing';
import { createTestSystem, type TestSystem } from '../../test/system.ts';
import { defineMessage } from '../message.ts';
import type { Transport } from '../transport.ts';
import { createParkedMessages, type ParkedMessages } from './parked-messages.ts';

const command = defineMessage({
  type: 'test.do.v1',
  description: 'A command, for tests.',
  key: (data) => data.key,
  schema: s.object({ key: s.string() }),
  mandatory: true,
});

describe('parked messages', () => {
  let system: TestSystem;
  let transport: Transport;
  let parked: ParkedMessages;
  before(async () => {
    system = await createTestSystem();
    transport = system.transport();
    parked = createParkedMessages(system.service.db);
    system.relay(transport, { maxAttempts: 1 });
  });
  after(() => system.close());

  const publish = (key: string) =>
    system.service.db.transaction((tx) => system.outbox.publish(tx, command, { key }));
  const list = (count: number) =>
    eventually(`${count} are parked`, async () => {
      const { messages } = await parked.list();
      return messages.length === count && messages;
    });
  const audit = () =>
    system.service.db.query('SELECT actor, action, reason, key FROM outbox_audit ORDER BY id');

  it('are commands nobody receives: kept with the reason, discarded or sent again by an operator', async () => {
    const ids = [await publish('a'), await publish('b')];
    const messages = await list(2);
    assert.deepEqual(
      messages.map(({ messageId, key, type, reason, attempts }) => [messageId, key, type, reason, attempts]),
      [
        [ids[1], 'b', 'test.do.v1', 'refused 1 times: nobody subscribes to test.do.v1', 1],
        [ids[0], 'a', 'test.do.v1', 'refused 1 times: nobody subscribes to test.do.v1', 1],
      ],
    );
    const page = await parked.list({ text: 'NOBODY' }, { limit: 1 });
    assert.deepEqual([page.messages.length, page.next], [1, messages[0]?.id]);

    assert.equal(await parked.discard(messages[1]?.id ?? '', { by: 'ann', reason: 'out of date' }), 1);
    await transport.subscribe('receiver', ['test.do.v1']);
    assert.equal(await parked.retry({ key: 'b' }, { by: 'ann', reason: 'deployed' }), 1);
    assert.equal(await parked.retry({}, { by: 'ann', reason: 'nothing left' }), 0);
    const [row] = await eventually('it is on the bus', async () => {
      const rows = await system.bus.db.query('SELECT key, body FROM bus.delivery');
      return rows.length > 0 && rows;
    });
    assert.equal((JSON.parse(String(row?.['body'])) as { id: string }).id, ids[1]);
    assert.deepEqual(await list(0), []);
    assert.deepEqual(await audit(), [
      { actor: 'ann', action: 'discard', reason: 'out of date', key: 'a' },
      { actor: 'ann', action: 'retry', reason: 'deployed', key: 'b' },
    ]);
  });
});
