import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { parseIpAddress } from '@flotilla/kernel/addresses';
import { compileIpSet, parseIpRange } from './ip-ranges.ts';

const V4 = (a: number, b: number, c: number, d: number) => ((a * 256 + b) * 256 + c) * 256 + d;

describe('an address', () => {
  const readable: readonly (readonly [string, number | bigint])[] = [
    ['0.0.0.0', 0],
    ['255.255.255.255', 2 ** 32 - 1],
    ['192.168.1.10', V4(192, 168, 1, 10)],
    ['::ffff:1.2.3.4', V4(1, 2, 3, 4)],
    ['::FFFF:102:304', V4(1, 2, 3, 4)],
    ['0:0:0:0:0:ffff:1.2.3.4', V4(1, 2, 3, 4)],
    ['::', 0n],
    ['::1', 1n],
    ['1::', 1n << 112n],
    ['2001:db8::ff00:42:8329', 0x2001_0db8_0000_0000_0000_ff00_0042_8329n],
    ['1:2:3:4:5:6:7:8', 0x0001_0002_0003_0004_0005_0006_0007_0008n],
    ['64:ff9b::192.0.2.33', 0x0064_ff9b_0000_0000_0000_0000_c000_0221n],
    ['fe80::1%eth0', (0xfe80n << 112n) | 1n],
  ];
  for (const [text, value] of readable)
    it(`${text} is read`, () => assert.equal(parseIpAddress(text), value));

  const unreadable = [
    '',
    '1',
    '1.2.3',
    '1.2.3.4.5',
    '1.2.3.256',
    '01.2.3.4',
    '1.2.3.',
    '.1.2.3',
    '1..2.3',
    '1.2.3.4 ',
    '0x1.2.3.4',
    '1.2.3.-4',
    'localhost',
    ':',
    ':::',
    '1::2::3',
    '1:2:3:4:5:6:7',
    '1:2:3:4:5:6:7:8:9',
    '1:2:3:4:5:6:7::8',
    '12345::',
    'g::',
    '::1.2.3',
    '::1.2.3.4:5',
    '1.2.3.4::',
    '[::1]',
    `::${'0'.repeat(60)}1`,
  ];
  for (const text of unreadable) it(`"${text}" is none`, () => assert.equal(parseIpAddress(text), undefined));
});

describe('a range', () => {
  const cases: readonly (readonly [string, readonly string[], readonly string[]])[] = [
    ['10.0.0.1', ['10.0.0.1', '::ffff:10.0.0.1'], ['10.0.0.0', '10.0.0.2', '::a00:1']],
    ['10.0.0.1-10.0.1.5', ['10.0.0.1', '10.0.0.255', '10.0.1.5'], ['10.0.0.0', '10.0.1.6']],
    ['10.0.0.1 - 10.0.0.3', ['10.0.0.2'], ['10.0.0.4']],
    ['10.0.0.250-255', ['10.0.0.250', '10.0.0.255'], ['10.0.0.249', '10.0.1.0']],
    ['192.168.1.77/24', ['192.168.1.0', '192.168.1.255'], ['192.168.0.255', '192.168.2.0']],
    ['192.168.1.0/255.255.255.0', ['192.168.1.0', '192.168.1.255'], ['192.168.2.0']],
    ['0.0.0.0/0', ['0.0.0.0', '255.255.255.255'], ['::1']],
    ['10.1.2.3/32', ['10.1.2.3'], ['10.1.2.2', '10.1.2.4']],
    ['10.0.0.0/8', ['10.0.0.0', '10.255.255.255'], ['9.255.255.255', '11.0.0.0']],
    ['2001:db8::/32', ['2001:db8::', '2001:db8:ffff:ffff:ffff:ffff:ffff:ffff'], ['2001:db7::', '2001:db9::']],
    ['::/0', ['::', 'ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff'], ['1.2.3.4']],
    ['fe80::1-fe80::ff', ['fe80::80'], ['fe80::100']],
    ['::ffff:10.0.0.0/104', ['10.0.0.0', '10.255.255.255'], ['11.0.0.0']],
    ['ffff::/ffff::', ['ffff::1'], ['fffe::']],
  ];
  for (const [entry, inside, outside] of cases) {
    it(`${entry} holds its addresses and no others`, () => {
      const set = compileIpSet([entry]);
      const has = (text: string) => set.has(parseIpAddress(text) ?? Number.NaN);
      assert.deepEqual(
        inside.filter((text) => !has(text)),
        [],
      );
      assert.deepEqual(outside.filter(has), []);
    });
  }

  const wrong = [
    '',
    '10.0.0',
    '10.0.0.5-10.0.0.1',
    '10.0.0.5-4',
    '10.0.0.1-256',
    '10.0.0.0/33',
    '10.0.0.0/',
    '10.0.0.0/-1',
    '10.0.0.0/255.0.255.0',
    '::/129',
    '10.0.0.1-::1',
    '::1-9',
    '10.0.0.0/8/8',
    '*',
    '10.0.0.0/ffff::',
  ];
  for (const entry of wrong) {
    it(`"${entry}" is none, and no list is made of it`, () => {
      assert.equal(parseIpRange(entry), undefined);
      assert.throws(() => compileIpSet([entry]), RangeError);
    });
  }
});

describe('a set of ranges', () => {
  it('has exactly the addresses that one of its ranges has', () => {
    const random = seeded(7);
    for (let round = 0; round < 200; round += 1) {
      const spans = Array.from({ length: 1 + Math.floor(random() * 12) }, () => {
        const start = Math.floor(random() * 250);
        return [start, Math.min(255, start + Math.floor(random() * 12))] as const;
      });
      const v4 = compileIpSet(spans.map(([from, to]) => `10.0.0.${from}-${to}`));
      const v6 = compileIpSet(
        spans.map(([from, to]) => `fd00::${from.toString(16)}-fd00::${to.toString(16)}`),
      );
      for (let last = 0; last < 256; last += 1) {
        const expected = spans.some(([from, to]) => from <= last && last <= to);
        assert.equal(v4.has(V4(10, 0, 0, last)), expected);
        assert.equal(v6.has((0xfd00n << 112n) | BigInt(last)), expected);
      }
    }
  });
});

/** Numbers from 0 to 1, the same every time. */
function seeded(seed: number): () => number {
  let state = seed;
  return () => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return state / 2 ** 32;
  };
}
