import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { AGO } from '../../command-line/value-kinds.ts';
import { filterOf, parseId, selectionOf } from './dead-letter-filter.ts';

const NOW = new Date('2026-01-10T12:00:00Z');
const usage = { code: 'CLI_USAGE' };

describe('the selection of dead letters', () => {
  it('is what the options say, with ages counted back from now', () => {
    assert.deepEqual(filterOf({}, NOW), {});
    assert.deepEqual(filterOf({ type: 'order.placed.v1', key: 'k', text: 'timeout', consumer: 'c' }, NOW), {
      type: 'order.placed.v1',
      key: 'k',
      text: 'timeout',
      consumer: 'c',
    });
    assert.deepEqual(filterOf({ 'older-than': '2h', 'newer-than': '3d' }, NOW), {
      deadBefore: new Date('2026-01-10T10:00:00Z'),
      deadAfter: new Date('2026-01-07T12:00:00Z'),
    });
    for (const age of ['2', 'h', '2 h', '-2h', '2w']) assert.ok(AGO.refuse?.(age), age);
  });

  it('for a change is an id, conditions or everything, said outright', () => {
    assert.equal(selectionOf({}, '7', NOW), '7');
    assert.deepEqual(selectionOf({ type: 't' }, undefined, NOW), { type: 't' });
    assert.deepEqual(selectionOf({ all: true }, undefined, NOW), {});
    assert.throws(() => selectionOf({}, undefined, NOW), usage);
    assert.throws(() => selectionOf({ all: true }, '7', NOW), usage);
    assert.throws(() => selectionOf({ type: 't' }, '7', NOW), usage);
    assert.throws(() => selectionOf({ type: 't', all: true }, undefined, NOW), usage);
  });

  it('takes numbers for ids only', () => {
    assert.equal(parseId('42'), '42');
    for (const id of ['', 'x', '1;', '-1']) assert.throws(() => parseId(id), usage, id);
  });
});
