import assert from 'node:assert/strict';
import { before, it } from 'node:test';
import { assertSound } from './assert-sound.ts';
import { insistOnOrder, placeOrder, type RunningSystem } from './running-system.ts';

/** A read model of the running shop. */
export const projection = (running: () => RunningSystem) => (): void => {
  let system: RunningSystem;
  before(() => {
    system = running();
  });

  /** Places orders one after the other until the command has ended; every client is answered. */
  async function ordersDuring(command: Promise<string>): Promise<string> {
    let isOver = false;
    const ended = command.finally(() => {
      isOver = true;
    });
    let placed = 0;
    while (!isOver) {
      const answer = await placeOrder(system);
      // Accepted is an answer, too, where the machine takes longer than somebody waits for the end.
      assert.ok([201, 202].includes(answer.status), JSON.stringify(answer.body));
      placed += 1;
    }
    assert.ok(placed > 0);
    return await ended;
  }

  it('is rebuilt and taken back while orders are placed, and shows each of them', async () => {
    for (let n = 0; n < 5; n += 1) assert.equal((await insistOnOrder(system)).status, 201);
    const rebuilt = await ordersDuring(system.cli('projection', 'rebuild', 'order', 'order_view'));
    assert.match(rebuilt, /done: generation 2 is what readers see/);
    const back = await ordersDuring(system.cli('projection', 'rollback', 'order', 'order_view'));
    assert.match(back, /done: generation 1 is what readers see/);
    const listed = await system.cli('projection', 'list', 'order');
    assert.match(listed, /order_view +inline +1 +1 +active +-/);
    assert.match(listed, /order_view +inline +2 +1 +retired/);
    await assertSound(system);
  });
};
