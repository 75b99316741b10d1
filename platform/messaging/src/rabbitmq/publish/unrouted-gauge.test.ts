import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { type Clock, systemClock } from '@flotilla/kernel';
import { eventually } from '@flotilla/kernel/testing';
import { useTestBench } from '../../../test/rabbitmq/bench.ts';
import { skipWithoutRabbitmq } from '../../testing/rabbitmq.ts';

/** A quarter of a minute is over at once. */
const hasty: Clock = {
  ...systemClock,
  sleep: (ms, signal) => systemClock.sleep(ms === 15_000 ? 50 : ms, signal),
};

describe('events without a subscriber', { skip: skipWithoutRabbitmq() }, () => {
  const createTestBench = useTestBench();

  it('are counted', async (t) => {
    const bench = await createTestBench(t);
    const transport = bench.transport({ clock: hasty });
    await transport.publish([bench.outgoing('a', '1'), bench.outgoing('b', '2')]);
    await eventually('two of them', () => bench.measured('messaging_rabbitmq_unrouted') === 2);
    await transport.subscribe(bench.queue, [bench.type]);
    await transport.publish([bench.outgoing('a', '3')]);
    assert.deepEqual((await bench.unrouted()).length, 2);
    await eventually('none is left', () => bench.measured('messaging_rabbitmq_unrouted') === 0);
  });
});
