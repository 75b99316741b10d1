import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { isStorableJson, storableJson, storableText } from './storable.ts';
import { createTestDatabase, type TestDatabase } from './testing/index.ts';

const SMILE = '\u{1f600}';
const [HIGH = '', LOW = ''] = SMILE.split('');

describe('storable text', () => {
  it('has a sign for what PostgreSQL does not store, and is else as it was', () => {
    assert.equal(storableText(`a\0b${HIGH}c${LOW}${SMILE}`), `a\u2400b\ufffdc\ufffd${SMILE}`);
    assert.equal(storableText(''), '');
  });

  it('is cut at a character, not within one', () => {
    assert.equal(storableText(`ab${SMILE}c`, 3), 'ab');
    assert.equal(storableText(`ab${SMILE}c`, 4), `ab${SMILE}`);
    assert.equal(storableText(`ab${SMILE}`, 0), '');
    assert.equal(storableText('abc', 9), 'abc');
  });
});

describe('storable JSON', () => {
  let database: TestDatabase;
  before(async () => {
    database = await createTestDatabase();
  });
  after(() => database.close());

  const store = async (json: string) => {
    const [row] = await database.db.query<{ stored: unknown }>('SELECT $1::text::jsonb AS stored', [json]);
    return row?.stored;
  };

  const cases: readonly (readonly [what: string, value: unknown, kept: unknown])[] = [
    ['NUL', { a: 'x\0' }, { a: 'x\u2400' }],
    ['the first half of a pair', [`${HIGH}x`], ['\ufffdx']],
    ['the second half of a pair', [`x${LOW}`], ['x\ufffd']],
    ['two first halves', [`${HIGH}${HIGH}`], ['\ufffd\ufffd']],
    ['one in a name', { [`${LOW}\0`]: 1 }, { '\ufffd\u2400': 1 }],
    ['one behind a backslash', ['\\\0'], ['\\\u2400']],
  ];
  for (const [what, value, kept] of cases)
    it(`has a sign for ${what}, which jsonb refuses`, async () => {
      const json = JSON.stringify(value);
      assert.equal(isStorableJson(json), false);
      await assert.rejects(store(json), { code: 'POSTGRES_QUERY_FAILED' });
      assert.deepEqual(await store(storableJson(json)), kept);
    });

  for (const text of [SMILE, '\\u0000', '\\\\ud83d', '\u0001\u001f"\\/\n', '\ud7ff\ue000'])
    it(`is as it was with ${JSON.stringify(text)}`, async () => {
      const json = JSON.stringify({ text });
      assert.equal(isStorableJson(json), true);
      assert.equal(storableJson(json), json);
      assert.deepEqual(await store(json), { text });
    });
});
