import assert from 'node:assert/strict';
import { getEventListeners } from 'node:events';
import { describe, it } from 'node:test';
import { within } from './within.ts';

const never = () => new Promise<never>(() => undefined);

describe('work within a time', () => {
  it('gives what the work gives, and leaves nothing behind', async () => {
    const outer = new AbortController();
    assert.equal(await within(60_000, async () => 'done', { signal: outer.signal }), 'done');
    const failed = new Error('no');
    await assert.rejects(
      within(60_000, () => Promise.reject(failed)),
      failed,
    );
    assert.equal(getEventListeners(outer.signal, 'abort').length, 0);
    assert.ok(!process.getActiveResourcesInfo().includes('Timeout'));
  });

  it('stops waiting for work that does not heed its signal, and tells it why', async () => {
    let told: AbortSignal | undefined;
    const hanging = (signal: AbortSignal) => {
      told = signal;
      return never();
    };
    await assert.rejects(within(1, hanging), { name: 'TimeoutError', message: 'not within 1 ms' });
    assert.equal(told?.aborted, true);
    const reason = new Error('too late for us');
    await assert.rejects(within(1, hanging, { reason: () => reason }), reason);
    assert.equal(told?.reason, reason);
  });

  it('ends with the signal of its caller, and does not begin after it', async () => {
    const outer = new AbortController();
    const waiting = within(60_000, never, { signal: outer.signal });
    const left = new Error('the caller has left');
    outer.abort(left);
    await assert.rejects(waiting, left);
    let begun = false;
    const work = async () => {
      begun = true;
    };
    await assert.rejects(within(60_000, work, { signal: outer.signal }), left);
    assert.equal(begun, false);
  });

  it('ignores a late failure', async () => {
    const late = Promise.withResolvers<never>();
    await assert.rejects(within(1, () => late.promise));
    late.reject(new Error('unhandled, if nobody ignored it'));
    await new Promise((resolve) => setImmediate(resolve));
  });
});
