import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { fromCloudEvent, inboxId, toCloudEvent } from './cloud-event.ts';
import type { Message } from './message.ts';

const message: Message = {
  id: '01a20d49-2256-7ab7-a69c-5231033b63ae',
  type: 'note.taken.v1',
  source: 'notes',
  time: '2026-01-01T00:00:00.000Z',
  key: 'k',
  data: { text: 'x' },
};

describe('the wire form', () => {
  it('is CloudEvents 1.0 JSON', () => {
    assert.deepEqual(JSON.parse(toCloudEvent({ ...message, correlationId: 'c', causationId: 'd' })), {
      specversion: '1.0',
      id: message.id,
      type: 'note.taken.v1',
      source: 'notes',
      time: '2026-01-01T00:00:00.000Z',
      datacontenttype: 'application/json',
      partitionkey: 'k',
      correlationid: 'c',
      causationid: 'd',
      data: { text: 'x' },
    });
  });

  it('reads back what was written', () => {
    assert.deepEqual(fromCloudEvent(toCloudEvent(message)), { ok: true, value: message });
  });

  it('leaves the time as its producer wrote it, and gives none to an event that has none', () => {
    const { time: _, ...timeless } = JSON.parse(toCloudEvent(message));
    const timeOf = (event: object) => {
      const read = fromCloudEvent(JSON.stringify(event));
      return read.ok ? read.value.time : undefined;
    };
    const fine = '2026-01-01T00:00:00.123456+02:00';
    assert.equal(timeOf({ ...timeless, time: fine }), fine);
    assert.equal(timeOf(timeless), '');
  });

  for (const body of [
    '',
    'null',
    '[]',
    '"text"',
    '{',
    '{"specversion":"0.3"}',
    '{"specversion":"1.0","id":1}',
  ]) {
    it(`says what is wrong with ${body || 'nothing'}`, () => {
      const parsed = fromCloudEvent(body);
      assert.ok(!parsed.ok && parsed.rejection.length > 10);
    });
  }

  it('tells foreign ids apart by their source', () => {
    const foreign = { ...message, id: '17' };
    assert.equal(inboxId(foreign), inboxId({ ...foreign }));
    assert.notEqual(inboxId(foreign), inboxId({ ...foreign, source: 'elsewhere' }));
    assert.equal(inboxId(message), message.id);
  });
});
