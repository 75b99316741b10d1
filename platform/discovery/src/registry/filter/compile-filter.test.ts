import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { compileFilter } from './compile-filter.ts';
import { FilterError } from './tokens.ts';

const sample = { Name: '', Port: 0, Open: false, Tags: [''], Meta: { '*': '' }, Checks: [{ Status: '' }] };
const entry = {
  Name: 'web one',
  Port: 80,
  Open: true,
  Tags: ['a', 'b.c'],
  Meta: { version: '1.2', 'odd-key': 'x' },
  Checks: [{ Status: 'passing' }, { Status: 'critical' }],
};
const passes = (text: string) => compileFilter(text, sample)(entry);

describe('a filter', () => {
  it('compares, contains, matches and looks for emptiness', () => {
    for (const [text, expected] of [
      ['Name == "web one"', true],
      ['Name != `web one`', false],
      ['Port == 80', true],
      ['Port != 80', false],
      ['Open == true', true],
      ['Meta.version == 1.2', true],
      ['Meta["odd-key"] == x', true],
      ['Meta.nothing == x', false],
      ['Meta.nothing != x', true],
      ['"b.c" in Tags', true],
      ['a not in Tags', false],
      ['Tags contains "a"', true],
      ['Tags not contains "z"', true],
      ['version in Meta', true],
      ['Name contains "one"', true],
      ['Name matches "^web"', true],
      ['Name not matches "^web"', false],
      ['Tags is empty', false],
      ['Meta is not empty', true],
      ['Checks.Status == "critical"', true],
      ['Checks.Status != "critical"', false],
    ] as const)
      assert.equal(passes(text), expected, text);
  });

  it('binds "and" closer than "or", and both less than "not"', () => {
    for (const [text, expected] of [
      ['Port == 1 and Port == 1 or Port == 80', true],
      ['Port == 80 or Port == 1 and Port == 1', true],
      ['(Port == 80 or Port == 1) and Port == 1', false],
      ['not Port == 1 and Port == 80', true],
      ['not (Port == 80)', false],
    ] as const)
      assert.equal(passes(text), expected, text);
  });

  it('that cannot be read or selects what no entry has is an error, never "nothing matches"', () => {
    for (const text of [
      '',
      'Name',
      'Name ==',
      'Name == "a',
      'Name = a',
      'Nothing == 1',
      'Name.More == 1',
      'Port == eighty',
      'Port contains 8',
      'Port matches 8',
      'Port is empty',
      'Tags == a',
      'Name matches "("',
      'Name matches "(a+)+b"',
      '(Name == a',
      'Name == a)',
      'Name == a Name == b',
      'Name is full',
      `${'('.repeat(100)}Name == a`,
      `Name == "${'a'.repeat(5_000)}"`,
    ])
      assert.throws(() => passes(text), FilterError, text);
  });
});
