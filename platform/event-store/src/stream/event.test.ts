import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import * as s from '@flotilla/kernel/schema';
import { type DomainEvent, defineCategory, defineEvent } from '../index.ts';
import type { EventRow } from './event-row.ts';

type Named = DomainEvent<'named', { readonly first: string; readonly last: string }>;

const named = defineEvent({
  type: 'named',
  version: 3,
  schema: s.object({ first: s.string(), last: s.string() }),
  upcasters: [
    ({ name }: { name: string }) => ({ full: name }),
    ({ full }: { full: string }) => {
      const [first, last] = full.split(' ');
      return { first, last };
    },
  ],
});
const people = defineCategory<Named>('person', { named });

const stored = (facts: Partial<EventRow>): EventRow => ({
  stream_id: 'person-1',
  version: 1,
  category: 'person',
  xid: '7',
  position: '1',
  type: 'named',
  schema_version: 3,
  data: { first: 'Ada', last: 'Lovelace' },
  correlation_id: null,
  causation_id: null,
  traceparent: null,
  recorded_at: new Date(0),
  ...facts,
});

describe('an event that was stored with an older schema', () => {
  it('reads as the newest, from every version', () => {
    const ada = { first: 'Ada', last: 'Lovelace' };
    const versions = [{ name: 'Ada Lovelace' }, { full: 'Ada Lovelace' }, ada];
    for (const [index, data] of versions.entries())
      assert.deepEqual(people.decode(stored({ schema_version: index + 1, data })).data, ada);
  });

  it('is refused when its upcasters fail or forget something', () => {
    for (const data of [{}, { name: 'Ada' }])
      assert.throws(() => people.decode(stored({ schema_version: 1, data })), {
        code: 'EVENT_STORE_INVALID_EVENT',
        retryable: false,
      });
  });
});

describe('an event that this code does not know', () => {
  it('is an error that names the type', () => {
    assert.throws(() => people.decode(stored({ type: 'renamed' })), {
      code: 'EVENT_STORE_UNKNOWN_EVENT',
      message: /renamed/,
    });
  });

  it('is an error when its schema is newer', () => {
    assert.throws(() => people.decode(stored({ schema_version: 4 })), {
      code: 'EVENT_STORE_UNKNOWN_EVENT',
      message: /schema version 4; this code knows 3/,
    });
  });
});

describe('declaring events', () => {
  it('refuses versions without a way up, bad names and misplaced types', () => {
    const schema = s.object({});
    assert.throws(() => defineEvent({ type: 'a', version: 2, schema }), TypeError);
    assert.throws(() => defineEvent({ type: 'a', version: 0, schema }), TypeError);
    assert.throws(() => defineEvent({ type: 'A b', schema }), TypeError);
    assert.throws(() => defineCategory('No', {}), TypeError);
    const other = defineEvent({ type: 'other', schema });
    assert.throws(
      () => defineCategory<DomainEvent<'named', object>>('x', { named: other as never }),
      TypeError,
    );
  });

  it('refuses data that do not match, are too large, or that PostgreSQL cannot store', () => {
    const wrong = [
      { first: 1 },
      { first: 'x'.repeat(300_000), last: '' },
      { first: '\u0000', last: '' },
      { first: '\ud83d', last: '' },
    ];
    for (const data of wrong)
      assert.throws(() => people.encode({ type: 'named', data } as Named), {
        code: 'EVENT_STORE_INVALID_EVENT',
      });
  });

  it('takes text that only looks like an escape', () => {
    const data = { first: '\\u0000 \\ud83d', last: '\u{1f600}' };
    assert.deepEqual(people.encode({ type: 'named', data }), ['named', 3, data]);
  });

  it('refuses an empty or endless stream id, and one that cannot be stored as it is', () => {
    for (const id of ['', 'x'.repeat(200), 'a\0', '\ud83d'])
      assert.throws(() => people.stream(id), RangeError);
  });
});
