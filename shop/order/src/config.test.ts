import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { ConfigurationError } from '@flotilla/process';
import { readConfig } from './config.ts';

const REQUIRED = { DATABASE_URL: 'postgres://order', BUS_URL: 'postgres://bus' };

describe('the flow of new orders', () => {
  it('is led by a saga unless events are asked for', () => {
    assert.equal(readConfig(REQUIRED).ORDER_FLOW, 'orchestration');
    assert.equal(readConfig({ ...REQUIRED, ORDER_FLOW: 'choreography' }).ORDER_FLOW, 'choreography');
  });

  it('is refused by name when it is unknown', () => {
    assert.throws(
      () => readConfig({ ...REQUIRED, ORDER_FLOW: 'anarchy' }),
      (error) =>
        error instanceof ConfigurationError &&
        error.problems.includes('ORDER_FLOW must be one of orchestration, choreography'),
    );
  });
});
