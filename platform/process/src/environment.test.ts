import assert from 'node:assert/strict';
import { test } from 'node:test';
import { inspect } from 'node:util';
import * as s from '@flotilla/kernel/schema';
import {
  choice,
  flag,
  integer,
  json,
  optional,
  port,
  readEnvironment,
  secret,
  text,
  url,
} from './environment.ts';
import { ConfigurationError } from './errors.ts';

test('settings become typed values, with their defaults', () => {
  const values = readEnvironment(
    { NAME: 'order', LIMIT: '5', DEMO: '1', HOME: 'https://example.test/a', MODE: 'fast', KEYS: '{"a":1}' },
    {
      NAME: text(),
      LIMIT: integer({ min: 1, max: 10 }),
      PORT: port({ default: 0 }),
      DEMO: flag(),
      VERBOSE: flag(),
      HOME: url(),
      MODE: choice(['fast', 'slow']),
      KEYS: json(s.record(s.integer())),
      SMTP_URL: optional(url({ protocols: ['smtp'] })),
    },
  );
  const limit: number = values.LIMIT;
  const smtp: string | undefined = values.SMTP_URL;
  assert.deepEqual(
    [values.NAME, limit, values.PORT, values.DEMO, values.VERBOSE],
    ['order', 5, 0, true, false],
  );
  assert.deepEqual(
    [values.HOME, values.MODE, values.KEYS, smtp],
    ['https://example.test/a', 'fast', { a: 1 }, undefined],
  );
});

test('everything that is wrong is told at once, and no value is repeated', () => {
  const env = {
    PORT: '99999',
    LIMIT: '1.5',
    HOME: 'ftp://hunter2.test',
    MODE: 'hunter2',
    DEMO: 'hunter2',
    KEY: 'hunter2',
    CLIENTS: '{"hunter2":',
    EMPTY: '',
  };
  const read = () =>
    readEnvironment(env, {
      NAME: text(),
      EMPTY: text(),
      PORT: port(),
      LIMIT: integer({ min: 0, max: 9 }),
      HOME: url(),
      MODE: choice(['fast', 'slow']),
      DEMO: flag(),
      KEY: secret({ minLength: 32 }),
      CLIENTS: json(s.record(s.string())),
    });
  assert.throws(read, (error) => {
    assert.ok(error instanceof ConfigurationError);
    assert.deepEqual(error.problems, [
      'NAME is required',
      'EMPTY is required',
      'PORT must be an integer from 0 to 65535',
      'LIMIT must be an integer from 0 to 9',
      'HOME must be a http or https URL',
      'MODE must be one of fast, slow',
      'DEMO must be 1 or 0',
      'KEY must have at least 32 characters',
      'CLIENTS must be JSON',
    ]);
    assert.doesNotMatch(inspect(error), /hunter2/);
    return true;
  });
});

test('a secret can be used but not listed', () => {
  const values = readEnvironment({ KEY: 'hunter2', NAME: 'x' }, { KEY: secret(), NAME: text() });
  assert.equal(values.KEY, 'hunter2');
  for (const shown of [JSON.stringify(values), inspect(values), JSON.stringify({ ...values })]) {
    assert.doesNotMatch(shown, /hunter2/);
  }
});
