import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { armCrashPoint, crashPoint, watchCrashPoints } from './crash-point.ts';
import { isRetryable, PlatformError, toError } from './errors.ts';
import { isUuid, uuidv5, uuidv7 } from './ids.ts';
import { canonicalJson, isRecord } from './json.ts';
import { money, multiplyMoney, sumMoney } from './money.ts';
import { createManualClock } from './testing/index.ts';
import { systemClock } from './time/clock.ts';

describe('ids', () => {
  it('gives version 7 ids that sort by time', () => {
    const ids = [1, 2, 3, 2 ** 40].map((nowMs) => uuidv7(nowMs));
    assert.deepEqual(ids, [...ids].sort());
    for (const id of ids)
      assert.match(id, /^[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/);
  });

  it('gives the version 5 id of RFC 9562, appendix A.4', () => {
    assert.equal(
      uuidv5('www.example.com', '6ba7b810-9dad-11d1-80b4-00c04fd430c8'),
      '2ed6657d-e927-568b-95e1-2665a8aea6a2',
    );
  });
});

describe('what a UUID is', () => {
  it('is its text in either case, and nothing around it', () => {
    const id = uuidv7();
    for (const good of [id, id.toUpperCase(), uuidv5('a', id)]) assert.ok(isUuid(good), good);
    for (const bad of ['', `${id}\n`, ` ${id}`, `{${id}}`, id.replaceAll('-', ''), id.replace(/.$/, 'g')])
      assert.ok(!isUuid(bad), JSON.stringify(bad));
  });
});

describe('what a record is', () => {
  it('is an object of a JSON document', () => {
    for (const good of [{}, { a: 1 }, JSON.parse('{"__proto__":1}')]) assert.ok(isRecord(good));
    for (const bad of [null, undefined, [], 'text', 1, true]) assert.ok(!isRecord(bad), String(bad));
  });
});

describe('money', () => {
  it('adds integers exactly and only of one currency', () => {
    fc.assert(
      fc.property(fc.array(fc.integer({ min: -1e9, max: 1e9 }), { minLength: 1 }), (amounts) => {
        const total = sumMoney(amounts.map((amount) => money(amount, 'EUR')));
        return total.amountMinor === amounts.reduce((sum, amount) => sum + amount, 0);
      }),
    );
    assert.throws(() => sumMoney([money(1, 'EUR'), money(1, 'USD')]), RangeError);
    assert.deepEqual(sumMoney([], 'EUR'), { amountMinor: 0, currency: 'EUR' });
  });

  it('refuses fractions, overflow and made-up currencies', () => {
    assert.throws(() => money(0.1, 'EUR'), RangeError);
    assert.throws(() => multiplyMoney(money(Number.MAX_SAFE_INTEGER, 'EUR'), 2), RangeError);
    assert.throws(() => money(1, 'euro'), RangeError);
  });
});

describe('errors', () => {
  it('knows what is worth trying again: unknown faults are, known terminal ones are not', () => {
    assert.equal(isRetryable(new PlatformError('X', 'x')), false);
    assert.equal(isRetryable(new PlatformError('X', 'x', { retryable: true })), true);
    assert.equal(isRetryable(new Error('socket hang up')), true);
    assert.equal(toError('text').message, 'a non-error was thrown: text');
  });
});

describe('canonical JSON', () => {
  it('does not depend on the order of keys', () => {
    fc.assert(
      fc.property(fc.dictionary(fc.string(), fc.jsonValue()), (value) => {
        const turned = Object.fromEntries(Object.entries(value).reverse());
        return canonicalJson(turned) === canonicalJson(value);
      }),
    );
  });
});

describe('a crash point', () => {
  it('does nothing until armed, then fires at the pass that was asked for, once', () => {
    let crashes = 0;
    const crash = (): void => {
      crashes += 1;
    };
    crashPoint('a');
    armCrashPoint('a:2', crash);
    for (const name of ['a', 'b', 'a', 'a']) crashPoint(name);
    assert.equal(crashes, 1);
    armCrashPoint('', crash);
    crashPoint('a');
    assert.equal(crashes, 1);
  });

  it('is seen each time it is passed, also when that is the end', () => {
    const seen: string[] = [];
    watchCrashPoints((name) => seen.push(name));
    armCrashPoint('b', () => seen.push('crash'));
    for (const name of ['a', 'b', 'a']) crashPoint(name);
    watchCrashPoints(undefined);
    armCrashPoint('', () => undefined);
    crashPoint('a');
    assert.deepEqual(seen, ['a', 'b', 'crash', 'a']);
  });
});

describe('the manual clock', () => {
  it('wakes sleepers when their time has come, and lets them be aborted', async () => {
    const clock = createManualClock();
    const woken: string[] = [];
    const first = clock.sleep(100).then(() => woken.push('100'));
    const second = clock.sleep(200).then(() => woken.push('200'));
    await clock.advance(150);
    await first;
    assert.deepEqual(woken, ['100']);
    await clock.advance(50);
    await second;
    const stop = new AbortController();
    const aborted = clock.sleep(1_000, stop.signal);
    stop.abort(new Error('enough'));
    await assert.rejects(aborted, /enough/);
  });
});

describe('the system clock', () => {
  it('sleeps, and wakes early with the reason of an abort', async () => {
    await systemClock.sleep(1);
    const stop = new AbortController();
    const asleep = systemClock.sleep(60_000, stop.signal);
    stop.abort(new Error('enough'));
    await assert.rejects(asleep, /enough/);
    await assert.rejects(systemClock.sleep(1, stop.signal), /enough/);
  });
});
