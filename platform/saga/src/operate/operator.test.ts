import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { askSagaDesk, type OperateAnswer, type SagaOrder } from './operator.ts';

const order: SagaOrder = { verb: 'retry', by: 'an operator', reason: 'it works again' };
const refusal: OperateAnswer = { ok: false, refusal: { code: 'not-applicable', message: 'it runs' } };

/** A mailbox whose engine answers at the given look, or in the moment in which the request is taken back. */
function mailbox({ atLook = Number.POSITIVE_INFINITY, atWithdrawal = false }) {
  const seen: string[] = [];
  let answered = false;
  let looks = 0;
  return {
    seen,
    request: async (sagaId: string) => {
      seen.push(`request ${sagaId}`);
      return 'request-1';
    },
    answer: async (id: string) => {
      assert.equal(id, 'request-1');
      looks += 1;
      answered ||= looks >= atLook;
      return answered ? refusal : undefined;
    },
    withdraw: async () => {
      seen.push('withdraw');
      answered = atWithdrawal;
      return !atWithdrawal;
    },
  };
}

describe('asking the engine of a service', () => {
  it('waits for its answer', async () => {
    const desk = mailbox({ atLook: 2 });
    assert.equal(await askSagaDesk(desk, 'saga-1', order), refusal);
    assert.deepEqual(desk.seen, ['request saga-1']);
  });

  it('takes the request back when no engine answers', async () => {
    const desk = mailbox({});
    assert.equal(await askSagaDesk(desk, 'saga-1', order, 1), undefined);
    assert.deepEqual(desk.seen, ['request saga-1', 'withdraw']);
  });

  it('tells the answer that came while it was taken back', async () => {
    const desk = mailbox({ atWithdrawal: true });
    assert.equal(await askSagaDesk(desk, 'saga-1', order, 1), refusal);
  });
});
