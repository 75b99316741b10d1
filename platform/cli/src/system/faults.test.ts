import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { faultEnvironment, NO_FAULTS, readFaults } from './faults.ts';

describe('faults for tests', () => {
  it('give each process its own crash point and all of them the bug', () => {
    const faults = { crashPoints: 'a:2,b', plantedBug: 'skip-dedupe' };
    assert.deepEqual(
      [0, 1, 2].map((life) => faultEnvironment(faults, life)),
      [
        { FLOTILLA_CRASH_POINT: 'a:2', FLOTILLA_PLANTED_BUG: 'skip-dedupe' },
        { FLOTILLA_CRASH_POINT: 'b', FLOTILLA_PLANTED_BUG: 'skip-dedupe' },
        { FLOTILLA_PLANTED_BUG: 'skip-dedupe' },
      ],
    );
    assert.deepEqual(faultEnvironment(NO_FAULTS, 0), {});
  });

  it('reach the named service, or all of them', () => {
    const faults = readFaults({ FLOTILLA_CRASH_POINT: 'order=a,b', FLOTILLA_PLANTED_BUG: 'skip-dedupe' });
    assert.deepEqual(faults('order'), { crashPoints: 'a,b', plantedBug: 'skip-dedupe' });
    assert.deepEqual(faults('payment'), { crashPoints: '', plantedBug: 'skip-dedupe' });
    assert.deepEqual(readFaults({})('order'), NO_FAULTS);
  });
});
