import assert from 'node:assert/strict';
import { it } from 'node:test';
import { toPostgresError } from './errors.ts';

it('an error of the server says whether it was the statement or the server', () => {
  for (const [code, severity, expected] of [
    ['42P01', 'ERROR', 'POSTGRES_QUERY_FAILED'], // no such table
    ['28P01', 'FATAL', 'POSTGRES_QUERY_FAILED'], // wrong password: trying again is of no use
    ['XX000', 'ERROR', 'POSTGRES_QUERY_FAILED'],
    ['XX000', 'PANIC', 'POSTGRES_UNAVAILABLE'],
    ['53100', 'ERROR', 'POSTGRES_UNAVAILABLE'], // disk full
    ['53100', 'PANIC', 'POSTGRES_UNAVAILABLE'],
    ['58030', 'ERROR', 'POSTGRES_UNAVAILABLE'], // a file could not be read or written
    ['57P02', 'FATAL', 'POSTGRES_UNAVAILABLE'], // another connection crashed it
    ['25006', 'ERROR', 'POSTGRES_UNAVAILABLE'], // it is a standby by now
  ] as const) {
    const error = toPostgresError(Object.assign(new Error('it failed'), { code, severity }));
    const isRetryable = expected === 'POSTGRES_UNAVAILABLE';
    assert.deepEqual([error.code, error.retryable], [expected, isRetryable], `${severity} ${code}`);
  }
});
