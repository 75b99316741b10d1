import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { createLogFilter, type LogFilter } from './log-filter.ts';

const LINES = [
  '{"time":"2026-01-01T10:00:00.000Z","level":"info","msg":"begins"}',
  '{"time":"2026-01-01T10:01:00.000Z","level":"error","msg":"fails"}',
  '    at a stack (file.ts:1)',
  '{"time":"2026-01-01T10:02:00.000Z","level":"warn","msg":"slow"}',
  '2026-01-01 10:03:00.000 UTC [7] LOG:  checkpoint starting',
  '2026-01-01 10:04:00.000 UTC [7] ERROR:  relation "x" does not exist',
];

function shown(filter: Partial<LogFilter>): readonly number[] {
  const passes = createLogFilter({ since: undefined, pattern: undefined, level: undefined, ...filter });
  return LINES.flatMap((line, index) => (passes(line) ? [index] : []));
}

describe('lines are chosen', () => {
  it('all of them when nothing is asked', () => assert.deepEqual(shown({}), [0, 1, 2, 3, 4, 5]));
  it('by level, PostgreSQL included; a stack belongs to its error', () => {
    assert.deepEqual(shown({ level: 'warn' }), [1, 2, 3, 5]);
    assert.deepEqual(shown({ level: 'error' }), [1, 2, 5]);
  });
  it('by time', () => {
    assert.deepEqual(shown({ since: new Date('2026-01-01T10:01:00.000Z') }), [1, 2, 3, 4, 5]);
    assert.deepEqual(shown({ since: new Date('2026-01-01T10:03:30Z') }), [5]);
  });
  it('by a regular expression', () => {
    assert.deepEqual(shown({ pattern: /fa.ls|stack/u }), [1, 2]);
    assert.deepEqual(shown({ pattern: /s/u, level: 'error' }), [1, 2, 5]);
  });
});
