import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { Schema } from '@flotilla/kernel';
import * as s from '@flotilla/kernel/schema';
import { breakingChanges } from './compatibility.ts';

const base = s.object({
  id: s.string({ maxLength: 10 }),
  note: s.optional(s.string()),
  kind: s.oneOf(['a', 'b']),
  lines: s.array(s.object({ n: s.integer() })),
});
const plain = (schema: unknown): Record<string, unknown> =>
  JSON.parse(JSON.stringify(schema)) as Record<string, unknown>;
const changes = (after: unknown, side: 'reader' | 'writer'): readonly string[] =>
  breakingChanges(plain(base), plain(after), side);
const with_ = (parts: Record<string, Schema<unknown>>): unknown =>
  s.object({
    id: s.string({ maxLength: 10 }),
    note: s.optional(s.string()),
    kind: s.oneOf(['a', 'b']),
    lines: s.array(s.object({ n: s.integer() })),
    ...parts,
  });

describe('a contract that changes', () => {
  it('may stay as it is, explain itself better, and grow optional properties', () => {
    for (const side of ['reader', 'writer'] as const) {
      assert.deepEqual(changes(base, side), []);
      assert.deepEqual(
        changes(with_({ id: s.string({ maxLength: 10, description: 'new words' }) }), side),
        [],
      );
      assert.deepEqual(changes(with_({ more: s.optional(s.string()) }), side), []);
    }
  });

  it('may not lose a property or change its type', () => {
    const without = s.object({
      id: s.string({ maxLength: 10 }),
      kind: s.oneOf(['a', 'b']),
      lines: s.array(s.object({ n: s.integer() })),
    });
    for (const side of ['reader', 'writer'] as const) {
      assert.deepEqual(changes(without, side), ['/note: was removed']);
      assert.equal(changes(with_({ id: s.integer() }), side).length > 0, true);
      assert.equal(changes(with_({ lines: s.array(s.object({ n: s.string() })) }), side).length, 1);
    }
  });

  it('may promise readers more, and ask writers for less', () => {
    assert.deepEqual(changes(with_({ note: s.string() }), 'reader'), []);
    assert.deepEqual(changes(with_({ note: s.string() }), 'writer'), ['/note: is required now']);
    assert.deepEqual(changes(with_({ id: s.optional(s.string({ maxLength: 10 })) }), 'writer'), []);
    assert.deepEqual(changes(with_({ id: s.optional(s.string({ maxLength: 10 })) }), 'reader'), [
      '/id: may be missing now',
    ]);
    assert.deepEqual(changes(with_({ more: s.string() }), 'reader'), []);
    assert.deepEqual(changes(with_({ more: s.string() }), 'writer'), ['/more: is required now']);
  });

  it('may widen limits for writers and narrow them for readers', () => {
    assert.deepEqual(changes(with_({ id: s.string({ maxLength: 20 }) }), 'writer'), []);
    assert.equal(changes(with_({ id: s.string({ maxLength: 20 }) }), 'reader').length, 1);
    assert.deepEqual(changes(with_({ id: s.string({ maxLength: 5 }) }), 'reader'), []);
    assert.equal(changes(with_({ id: s.string({ maxLength: 5 }) }), 'writer').length, 1);
    assert.deepEqual(changes(with_({ id: s.string() }), 'writer'), []);
  });

  it('may say the type of a constant and the format of what is read, but no new default to writers', () => {
    const before = { type: 'object', properties: { a: { const: 'x' }, b: { type: 'string' } } };
    const after = {
      type: 'object',
      properties: { a: { type: 'string', const: 'x' }, b: { type: 'string', format: 'uri-reference' } },
    };
    assert.deepEqual(breakingChanges(before, after, 'reader'), []);
    assert.deepEqual(breakingChanges(before, after, 'writer'), [
      '/b: format was undefined, is "uri-reference"',
    ]);
    const withDefault = {
      ...before,
      properties: { ...before.properties, b: { type: 'string', default: 'y' } },
    };
    assert.deepEqual(breakingChanges(before, withDefault, 'writer'), ['/b: default was undefined, is "y"']);
    assert.deepEqual(breakingChanges(before, withDefault, 'reader'), []);
    assert.equal(
      breakingChanges(before, { ...before, properties: { a: { type: 'string', const: 'z' } } }, 'reader')
        .length,
      2,
    );
  });

  it('may not surprise readers with new values, nor refuse writers the old ones', () => {
    assert.deepEqual(changes(with_({ kind: s.oneOf(['a', 'b', 'c']) }), 'writer'), []);
    assert.deepEqual(changes(with_({ kind: s.oneOf(['a', 'b', 'c']) }), 'reader'), ['/kind: value c is new']);
    assert.deepEqual(changes(with_({ kind: s.oneOf(['a']) }), 'writer'), ['/kind: value b was removed']);
  });
});
