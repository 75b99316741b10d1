import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { median, pairedRatios, percentile, summary } from './statistics.ts';

describe('statistics', () => {
  it('takes percentiles by nearest rank, whatever the order of the samples', () => {
    const samples = [5, 1, 4, 2, 3];
    assert.equal(percentile(samples, 0.5), 3);
    assert.equal(percentile(samples, 0.99), 5);
    assert.equal(percentile(samples, 1), 5);
    assert.equal(percentile(samples, 0.01), 1);
    assert.deepEqual(samples, [5, 1, 4, 2, 3]);
  });

  it('takes the lower of the two middle samples as the median of an even number', () => {
    assert.equal(median([1, 2, 3, 4]), 2);
  });

  it('has no percentile of nothing', () => {
    assert.ok(Number.isNaN(percentile([], 0.5)));
  });

  it('sums up runs as median, range and count', () => {
    assert.equal(summary([12.34, 11.9, 14], 1), '12.3 (11.9 … 14.0, n=3)');
  });

  it('compares each run with the peer run beside it', () => {
    assert.deepEqual(pairedRatios([10, 40], [5, 10]), [2, 4]);
    assert.deepEqual(pairedRatios([10, 40, 99], [5, 10]), [2, 4]);
  });
});
