import assert from 'node:assert/strict';
import { getEventListeners } from 'node:events';
import { describe, it } from 'node:test';
import { unlessAborted, within } from './within.ts';

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

  it('says why it ended, whatever the work fails with when it hears of it', async () => {
    const outer = new AbortController();
    const work = (signal: AbortSignal) =>
      new Promise<never>((_, reject) => {
        signal.addEventListener('abort', () => reject(new Error('aborted')));
      });
    const waiting = within(60_000, work, { signal: outer.signal });
    const left = new Error('the caller has left');
    outer.abort(left);
    await assert.rejects(waiting, left);
  });

  it('ignores a late failure', async () => {
    const late = Promise.withResolvers<never>();
    await assert.rejects(within(1, () => late.promise));
    late.reject(new Error('unhandled, if nobody ignored it'));
    await new Promise((resolve) => setImmediate(resolve));
  });
});

describe('work under a signal', () => {
  it('gives what the work gives, and leaves nothing behind', async () => {
    const { signal } = new AbortController();
    assert.equal(await unlessAborted(signal, async () => 'done'), 'done');
    const failed = new Error('no');
    await assert.rejects(
      unlessAborted(signal, () => Promise.reject(failed)),
      failed,
    );
    assert.equal(getEventListeners(signal, 'abort').length, 0);
  });

  it('is no longer waited for once it is aborted, and does not begin then', async () => {
    const outer = new AbortController();
    const waiting = unlessAborted(outer.signal, never);
    const left = new Error('the caller has left');
    outer.abort(left);
    await assert.rejects(waiting, left);
    assert.equal(getEventListeners(outer.signal, 'abort').length, 0);
    await assert.rejects(
      unlessAborted(outer.signal, () => assert.fail('it began')),
      left,
    );
  });
});
