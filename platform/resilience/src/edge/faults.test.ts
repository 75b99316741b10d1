import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { createFaults, type Fault, formatFault, parseFault } from './faults.ts';
import { sufferFault } from './suffer-fault.ts';

const refused = { code: 'RESILIENCE_FAULT_REFUSED' };

/** Which of a thousand attempts are hit, and by what. */
function hits(fault: Fault): readonly (string | undefined)[] {
  const faults = createFaults({ isAllowed: true });
  faults.set([fault]);
  return Array.from({ length: 1_000 }, () => faults.next('order', 'payment')?.kind);
}

describe('faults', () => {
  it('are read as they are written', () => {
    const text = 'order→payment latency=500ms error=20% outcome=503:10% kill=1% seed=7';
    const [edge = '', ...parts] = text.split(' ');
    assert.equal(formatFault(parseFault(edge, parts)), text);
    assert.equal(formatFault(parseFault('a->b', ['latency=5ms:30%'])), 'a→b latency=5ms:30% seed=1');
  });

  it('that make no sense are refused', () => {
    for (const edge of ['order', 'order→', '→payment', 'a→b→c', 'A→b', 'a b→c', '../x→y'])
      assert.throws(() => parseFault(edge, ['error=1%']), refused, edge);
    for (const part of [
      'error',
      'error=',
      'error=20',
      'error=101%',
      'latency=5',
      'latency=5s',
      'outcome=503',
      'outcome=999:1%',
      'kill=-1%',
      'seed=x',
      'toString=1',
      'colour=red',
    ])
      assert.throws(() => parseFault('a→b', [part]), refused, part);
    assert.throws(() => parseFault('a→b', []), refused);
    assert.throws(() => parseFault('a→b', ['seed=1']), refused);
  });

  it('never crash on any text', () => {
    fc.assert(
      fc.property(fc.string(), fc.array(fc.string()), (edge, parts) => {
        try {
          parseFault(edge, parts);
        } catch (error) {
          assert.equal((error as { code?: string }).code, refused.code);
        }
      }),
    );
  });

  it('hit the same attempts with the same seed, and as many as they say', () => {
    const fault = parseFault('order→payment', ['error=20%', 'seed=3']);
    assert.deepEqual(hits(fault), hits(fault));
    const count = hits(fault).filter((kind) => kind === 'error').length;
    assert.ok(count > 150 && count < 250, `${count}`);
    assert.notDeepEqual(hits(fault), hits({ ...fault, seed: 4 }));
    const more = hits({ ...fault, errorPercent: 40 });
    assert.ok(hits(fault).every((kind, index) => kind === undefined || more[index] === 'error'));
  });

  it('hit no other edge', () => {
    const faults = createFaults({ isAllowed: true });
    faults.set([parseFault('order→payment', ['error=100%'])]);
    assert.equal(faults.next('order', 'inventory'), undefined);
    assert.equal(faults.next('cart', 'payment'), undefined);
  });

  it('are refused where they are not allowed', () => {
    const faults = createFaults({ isAllowed: false });
    assert.throws(() => faults.set([parseFault('order→payment', ['error=1%'])]), refused);
    assert.equal(faults.next('order', 'payment'), undefined);
    faults.set([]);
  });

  it('are suffered as they would be met', async () => {
    let sent = 0;
    const forms = {
      send: async () => {
        sent += 1;
        return 'response';
      },
      unreachable: () => new Error('unreachable'),
      broken: () => new Error('broken'),
      outcome: (status: number) => `status ${status}`,
    };
    const suffer = (kind: 'latency' | 'error' | 'outcome' | 'kill', latencyMs = 0) =>
      sufferFault({ kind, latencyMs, status: 503 }, { onCancel: () => undefined }, forms);
    await assert.rejects(suffer('error'), /unreachable/);
    assert.equal(await suffer('outcome'), 'status 503');
    assert.equal(sent, 0);
    await assert.rejects(suffer('kill'), /broken/);
    assert.equal(sent, 1);
    assert.equal(await suffer('latency', 5), 'response');
    const cut = sufferFault(
      { kind: 'latency', latencyMs: 60_000, status: 0 },
      { onCancel: (cancel) => cancel(new Error('enough')) },
      forms,
    );
    await assert.rejects(cut, /enough/);
  });
});
