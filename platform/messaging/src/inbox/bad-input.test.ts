import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { uuidv7 } from '@flotilla/kernel';
import * as s from '@flotilla/kernel/schema';
import { eventually } from '@flotilla/kernel/testing';
import { counted, createTestSystem, effects, type TestSystem } from '../../test/system.ts';
import { createTestTransport, type TestTransport } from '../../test/transport.ts';
import { MAX_KEY_LENGTH, MAX_MESSAGE_BYTES, toCloudEvent } from '../cloud-event.ts';
import { defineMessage, type Message } from '../message.ts';
import { createTestMessage } from '../testing/test-message.ts';
import { on } from './handler.ts';

const anything = defineMessage({
  type: 'test.anything.v2',
  description: 'Carries whatever it is given, for tests.',
  key: () => 'k',
  schema: s.object({ key: s.string(), value: s.array(s.array(s.string())) }),
});

const NUL = '\0';

interface Wire {
  readonly type: string;
  readonly key: string;
  readonly body: string;
}

function event(changes: Partial<Message>, data: unknown = { key: 'k', n: 1 }): Wire {
  const message = { id: uuidv7(), type: counted.type, source: 'test', time: '', key: 'k', data, ...changes };
  return { type: message.type, key: 'k', body: toCloudEvent(message) };
}

const raw = (body: string): Wire => ({ type: counted.type, key: 'k', body });
const attributes = { specversion: '1.0', id: uuidv7(), type: counted.type, source: 's' };
const nested = (depth: number) => `${'['.repeat(depth)}${']'.repeat(depth)}`;

const CASES: readonly (readonly [what: string, message: Wire, reason: RegExp])[] = [
  ['an empty body', raw(''), /^malformed: the body is not a JSON object$/],
  ['a body cut short', raw('{"specversion":"1.0"'), /^malformed: the body is not a JSON object$/],
  ['a body with NUL in it', raw(`{"specversion":"1.0"}${NUL}`), /^malformed: the body is not a JSON object$/],
  ['a list', raw('[]'), /^malformed: the body is not a JSON object$/],
  ['an endless nesting', raw(nested(100_000)), /^malformed: the body is not a JSON object$/],
  [
    'another version of CloudEvents',
    raw('{"specversion":"0.3"}'),
    /^malformed: it is not a CloudEvent of version 1.0$/,
  ],
  [
    'no id',
    raw(JSON.stringify({ ...attributes, id: undefined })),
    /^malformed: the attribute "id" is missing/,
  ],
  [
    'a number for a type',
    raw(JSON.stringify({ ...attributes, type: 7 })),
    /^malformed: the attribute "type"/,
  ],
  [
    'data that is no JSON',
    raw(JSON.stringify({ ...attributes, datacontenttype: 'text/xml', data: '<x/>' })),
    /^malformed: its data is "text\/xml", not JSON$/,
  ],
  [
    'more than 256 KiB',
    event({}, { key: 'k', n: 1, padding: 'x'.repeat(MAX_MESSAGE_BYTES) }),
    /^malformed: it has \d+ bytes; the limit is 262144$/,
  ],
  [
    'a key that is too long',
    { ...event({}), key: 'k'.repeat(MAX_KEY_LENGTH + 1) },
    /^malformed: its key has 201 characters; the limit is 200$/,
  ],
  [
    'a key with NUL',
    { ...event({}), key: `k${NUL}` },
    /^malformed: its type or key contains the character NUL$/,
  ],
  [
    'a type with NUL',
    { ...event({}), type: `t${NUL}` },
    /^malformed: its type or key contains the character NUL$/,
  ],
  [
    'an unknown type',
    { ...event({ type: `test.unheard-of${NUL}.v1`, traceparent: `00-${NUL}` }), type: counted.type },
    /^unknown type: bad-\d+ has no handler for "test.unheard-of\u2400.v1"$/,
  ],
  [
    'an unknown version of a known type',
    event({ type: 'test.anything.v3' }),
    /^unknown version: bad-\d+ has no handler for "test.anything.v3", but for test.anything.v2$/,
  ],
  ['no data', event({}, null), /^the data does not match test.counted.v1: /],
  [
    'data of the wrong shape',
    event({}, { key: 7, n: 'one' }),
    /^the data does not match test.counted.v1: \/key must be string; \/n must be integer$/,
  ],
  [
    'data nested without end',
    {
      ...event({ type: anything.type }),
      body: event({ type: anything.type }, 'DATA').body.replace(
        '"DATA"',
        `{"key":"k","value":${nested(60_000)}}`,
      ),
    },
    /^the data does not match test.anything.v2: /,
  ],
];

describe('a message that cannot be handled', () => {
  let system: TestSystem;
  let names = 0;
  before(async () => {
    system = await createTestSystem();
  });
  after(() => system.close());

  async function consume(): Promise<{ name: string; transport: TestTransport }> {
    names += 1;
    const name = `bad-${names}`;
    const transport = createTestTransport();
    const record = on(counted, async ({ data }, tx) => {
      await tx.query('INSERT INTO effect (key, n) VALUES ($1, $2)', [data.key, data.n]);
    });
    const ignore = on(anything, async () => undefined);
    await system.consumer(transport, [record, ignore], {
      ...{ name, retry: { delaysMs: [] } },
      ...{ heldPollIntervalMs: 20, unknownTypeWaitMs: 0 },
    });
    return { name, transport };
  }

  const lettersOf = async (consumer: string) => (await system.deadLetters.list({ consumer })).letters;

  for (const [what, message, reason] of CASES) {
    it(`because of ${what} becomes one dead letter that says so, and the others go on`, async () => {
      const { name, transport } = await consume();
      const good = createTestMessage(counted, { key: name, n: 2 });
      assert.deepEqual(await transport.deliver([message, { ...good, key: 'k' }]), ['done', 'done']);
      assert.deepEqual(await transport.deliver([message]), ['done']);
      assert.deepEqual(await transport.deliver([message], { suspect: true }), ['done']);
      const [letter, ...more] = await eventually('it is dead and the good one handled', async () => {
        const handled = (await effects(system)).filter(({ key }) => key === name).length;
        const letters = await lettersOf(name);
        return handled === 1 && letters.length > 0 && letters;
      });
      assert.match(letter?.reason ?? '', reason);
      assert.deepEqual(more, []);
    });
  }

  it('because the database cannot hold it is given up like any other failure', async () => {
    const { name, transport } = await consume();
    await transport.deliver([event({}, { key: `with${NUL}`, n: 1 })]);
    const [letter] = await lettersOf(name);
    assert.match(letter?.reason ?? '', /^it failed 1 times: .*(0x00|null character)/);
    assert.equal(letter?.attempts.length, 1);
  });

  const halves: readonly (readonly [what: string, fail: () => unknown])[] = [
    ['half a surrogate pair, as JSON.parse quotes it', () => JSON.parse('\u{1f600} is no JSON')],
    [
      'a pair where it is cut',
      () => Promise.reject(new Error(`${'x'.repeat(499)}${'\u{1f600}'.repeat(4_000)}`)),
    ],
    ['NUL', () => Promise.reject(new Error(`a${NUL}b`))],
    ['no text at all', () => Promise.reject(Object.create(null))],
  ];
  for (const [what, fail] of halves)
    it(`is given up after its attempts when its failure has ${what}, and its key goes on`, async () => {
      names += 1;
      const name = `bad-${names}`;
      const transport = createTestTransport();
      let attempts = 0;
      const handler = on(counted, async ({ data }, tx) => {
        attempts += 1;
        if (data.n === 1) await fail();
        await tx.query('INSERT INTO effect (key, n) VALUES ($1, $2)', [name, data.n]);
      });
      await system.consumer(transport, [handler], { name, retry: { delaysMs: [1] }, heldPollIntervalMs: 10 });
      const messages = [1, 2].map((n) => createTestMessage(counted, { key: 'k', n }));
      assert.deepEqual(await transport.deliver([messages[0] ?? raw('')]), ['done']);
      assert.deepEqual(await transport.deliver([messages[1] ?? raw('')]), ['done']);
      const [letter] = await eventually('it is dead and the next one handled', async () => {
        const handled = (await effects(system)).some(({ key, n }) => key === name && n === 2);
        const letters = await lettersOf(name);
        return handled && letters.length > 0 && letters;
      });
      assert.match(letter?.reason ?? '', /^it failed 2 times: /);
      assert.equal(letter?.attempts.length, 2);
      assert.equal(attempts, 3);
    });

  it('keeps only the beginning of what is too large', async () => {
    const { name, transport } = await consume();
    await transport.deliver([raw('x'.repeat(MAX_MESSAGE_BYTES + 10))]);
    assert.equal((await lettersOf(name))[0]?.body.length, MAX_MESSAGE_BYTES);
  });
});
