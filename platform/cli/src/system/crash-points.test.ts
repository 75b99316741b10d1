import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { crashPointOf } from '../processes/unit-life.ts';
import { readCrashPoints } from './crash-points.ts';

describe('crash points for tests', () => {
  it('are armed one by one, each in a process of its own', () => {
    assert.deepEqual(
      [0, 1, 2].map((life) => crashPointOf('a:2,b', life)),
      [{ FLOTILLA_CRASH_POINT: 'a:2' }, { FLOTILLA_CRASH_POINT: 'b' }, {}],
    );
    assert.deepEqual(crashPointOf('', 0), {});
  });

  it('reach the named service, or all of them', () => {
    const points = readCrashPoints({ FLOTILLA_CRASH_POINT: 'order=a,b' });
    assert.deepEqual([points('order'), points('payment')], ['a,b', '']);
    assert.deepEqual(readCrashPoints({ FLOTILLA_CRASH_POINT: 'a' })('payment'), 'a');
    assert.equal(readCrashPoints({})('order'), '');
  });
});
