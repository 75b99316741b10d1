import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { connectControl } from '../control/client.ts';
import { dataDirAt } from '../data-dir/data-dir.ts';
import { claim, type Demo, defineDemo } from './demo.ts';
import { performanceJson, performanceView } from './demo-view.ts';
import { playDemo } from './play-demo.ts';

const FACTS = { name: 'x', chapter: '1', does: 'Does it.', look: ['here'], without: 'Worse.' };

const nothing = async () => undefined;

function play(demo: Demo, signal: AbortSignal = new AbortController().signal) {
  // No system runs there: these demos ask for nothing.
  const control = connectControl(dataDirAt('/nowhere'));
  return playDemo(demo, { control, dataDir: '/nowhere', onStep: () => undefined, signal });
}

describe('a demo', () => {
  it('prepares, acts and judges what it did', async () => {
    const demo = defineDemo({
      ...FACTS,
      prepare: async () => 20,
      act: async (stage, prepared) => {
        stage.say('counts');
        return prepared + 1;
      },
      check: (done, prepared) => [claim('one more', done === prepared + 1, String(done))],
    });
    const performance = await play(demo);
    assert.equal(performance.outcome, 'held');
    assert.deepEqual(performanceJson(performance), {
      ...FACTS,
      outcome: 'held',
      steps: ['counts'],
      claims: [{ claim: 'one more', holds: true, seen: '21' }],
    });
    assert.match(performanceView(performance), /✓ one more: 21\nlook at\n {2}here\nwithout it\n {2}Worse\./);
  });

  it('is broken by one claim that does not hold, and by having none', async () => {
    const claiming = (...holds: readonly boolean[]) =>
      play(
        defineDemo({
          ...FACTS,
          prepare: nothing,
          act: nothing,
          check: () => holds.map((one) => claim('so', one, 'seen')),
        }),
      );
    assert.equal((await claiming(true, true)).outcome, 'held');
    assert.equal((await claiming(true, false)).outcome, 'broken');
    assert.equal((await claiming()).outcome, 'broken');
  });

  it('puts back what it changed, the last first, however it ends', async () => {
    const undone: string[] = [];
    const changing = (end: () => Promise<undefined>) =>
      play(
        defineDemo({
          ...FACTS,
          prepare: async (stage) => {
            for (const one of ['a', 'b']) stage.putBack(one, async () => undone.push(one));
          },
          act: end,
          check: () => [claim('so', true, 'seen')],
        }),
      );
    assert.equal((await changing(nothing)).outcome, 'held');
    const failed = await changing(() => Promise.reject(new Error('no')));
    assert.deepEqual([failed.outcome, failed.reason], ['broken', 'no']);
    assert.deepEqual(undone, ['b', 'a', 'b', 'a']);
  });

  it('is broken when something is not put back, and puts back the rest', async () => {
    const undone: string[] = [];
    const { outcome, reason } = await play(
      defineDemo({
        ...FACTS,
        prepare: async (stage) => {
          stage.putBack('the first', async () => undone.push('the first'));
          stage.putBack('the second', () => Promise.reject(new Error('stuck')));
        },
        act: nothing,
        check: () => [claim('so', true, 'seen')],
      }),
    );
    assert.deepEqual([outcome, reason], ['broken', 'not put back: the second (stuck)']);
    assert.deepEqual(undone, ['the first']);
  });

  it('ends when somebody ends it, whatever it waits for', async () => {
    const ended = new AbortController();
    let isBack = false;
    const { outcome, reason } = await play(
      defineDemo({
        ...FACTS,
        prepare: async (stage) => stage.putBack('it', async () => (isBack = true)),
        act: () => {
          ended.abort(new Error('enough'));
          return new Promise<never>(() => undefined);
        },
        check: () => [],
      }),
      ended.signal,
    );
    assert.deepEqual([outcome, reason, isBack], ['broken', 'enough', true]);
  });

  it('says what it needs instead of failing where it cannot be shown', async () => {
    const performance = await play(
      defineDemo({
        ...FACTS,
        needs: async () => 'start it otherwise',
        prepare: () => Promise.reject(new Error('never asked')),
        act: nothing,
        check: () => [],
      }),
    );
    assert.equal(performance.outcome, 'not-possible');
    assert.match(performanceView(performance), /start it otherwise/);
  });
});
