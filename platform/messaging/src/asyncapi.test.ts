import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { createValidator, type Schema } from '@flotilla/kernel';
import * as s from '@flotilla/kernel/schema';
import { describeMessages, messageDataSchema } from './asyncapi.ts';
import { toCloudEvent } from './cloud-event.ts';
import { defineMessage } from './message.ts';

const author = s.named('Author', s.object({ name: s.string({ 'x-pii': true }) }));
const noteTaken = defineMessage({
  type: 'note.taken.v1',
  description: 'Somebody took a note.',
  key: (note) => note.id,
  schema: s.object({ id: s.string(), author, second: s.optional(author) }),
});
const takeNote = defineMessage({
  type: 'note.take.v1',
  description: 'Take a note.',
  key: (note) => note.id,
  schema: s.object({ id: s.string(), author }),
  mandatory: true,
});

const plain = <T>(value: T) => JSON.parse(JSON.stringify(value)) as T;
const event = {
  id: '01a20d49-2256-7ab7-a69c-5231033b63ae',
  type: noteTaken.type,
  source: 'notes',
  time: '2026-01-01T00:00:00.000Z',
  key: 'k',
  data: { id: 'k', author: { name: 'a', addedLater: 1 }, addedLater: 1 },
  addedLater: 1,
};

interface Described {
  readonly channels: Readonly<Record<string, { readonly address: string; readonly bindings: unknown }>>;
  readonly components: {
    readonly messages: Readonly<Record<string, { readonly payload: Schema<unknown> }>>;
    readonly schemas: object;
  };
}

describe('the description of messages', () => {
  const document = plain(
    describeMessages({ title: 'Notes', version: '1', messages: [noteTaken, takeNote] }),
  ) as Described;

  it('says where to bind and how to tell events from commands', () => {
    assert.equal(document.channels['note.taken.v1']?.address, 'event.{shard}');
    assert.equal(document.channels['note.take.v1']?.address, 'command.{shard}');
    assert.deepEqual(document.channels['note.taken.v1']?.bindings, {
      amqp: {
        is: 'routingKey',
        exchange: { name: 'note.taken.v1', type: 'topic', durable: true, autoDelete: false },
        bindingVersion: '0.3.0',
      },
    });
  });

  it('fits what goes over the wire, and what later versions add', () => {
    const { payload } = document.components.messages['note.taken.v1'] ?? { payload: {} };
    const whole = { ...payload, components: document.components };
    const isValid = createValidator(whole);
    assert.deepEqual(isValid(JSON.parse(toCloudEvent(event))).ok, true);
    assert.equal(isValid({ ...JSON.parse(toCloudEvent(event)), type: 'other.v1' }).ok, false);
    assert.equal(isValid(JSON.parse(toCloudEvent({ ...event, data: { id: 'k' } }))).ok, false);
  });

  it('names a schema once', () => {
    assert.deepEqual(Object.keys(document.components.schemas), ['Author']);
  });

  it('is also there as one JSON Schema a type, open, complete and without keywords of ours', () => {
    const schema = plain(messageDataSchema(noteTaken, '/docs/events/note.taken.v1.json'));
    assert.deepEqual(schema, {
      $schema: 'https://json-schema.org/draft/2020-12/schema',
      $id: '/docs/events/note.taken.v1.json',
      title: 'note.taken.v1',
      description: 'Somebody took a note.',
      type: 'object',
      properties: {
        id: { type: 'string' },
        author: { $ref: '#/$defs/Author' },
        second: { $ref: '#/$defs/Author' },
      },
      required: ['id', 'author'],
      $defs: {
        Author: {
          type: 'object',
          properties: { name: { type: 'string', $comment: 'Personal data.' } },
          required: ['name'],
        },
      },
    });
  });
});
