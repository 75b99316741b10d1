import assert from 'node:assert/strict';
import { after, describe, it } from 'node:test';
import type { SagaDesk, SagaSummary } from '@flotilla/saga/desk';
import { ORDER, sampleDeps } from '../../test/sample-deps.ts';
import type { Desk } from '../deps.ts';
import { handleApi } from './routes.ts';

const away = async () => {
  throw new Error('it was asked, and must not be');
};

describe('sagas on their pages', () => {
  const sample = sampleDeps();
  after(() => sample.close());
  const get = async (deps: Desk, path: string) =>
    (await handleApi(deps, {
      method: 'GET',
      segments: path.split('/'),
      query: new URLSearchParams(),
      body: {},
    })) as Record<string, unknown>;

  it('need nothing but the database of the service: one shows whatever else is away', async () => {
    const deps: Desk = {
      ...sample,
      ...{ processes: away, queues: away, scrape: away, registry: away, gateways: away, slos: away },
      telemetry: () => assert.fail('it was asked, and must not be'),
      inDatabase: (service, work) => (service === 'order' ? sample.inDatabase(service, work) : away()),
    };
    assert.equal((await get(deps, `sagas/order/${ORDER}`))['id'], ORDER);
    assert.equal(((await get(deps, 'sagas'))['sagas'] as readonly unknown[]).length, 1);
  });

  it('say the same in the list and each on its own page', async () => {
    const { sagas } = (await get(sample, 'sagas')) as { sagas: readonly Record<string, unknown>[] };
    for (const row of sagas) {
      const page = await get(sample, `sagas/${row['service']}/${row['id']}`);
      for (const [fact, value] of Object.entries(row)) assert.deepEqual(page[fact], value, fact);
    }
    assert.ok(sagas.length > 0);
  });

  it('say of a retry what is tried: the status is the old one until that has ended', async () => {
    const answered = { ok: true, status: 'stuck', step: 'ship', changes: 8 } as const;
    const deps: Desk = {
      ...sample,
      sagaDesk: (db) => ({ ...sample.sagaDesk(db), request: async () => 'r1', answer: async () => answered }),
    };
    const answer = await handleApi(deps, {
      ...{ method: 'POST', segments: ['sagas', 'order', ORDER], query: new URLSearchParams() },
      body: { verb: 'retry', changes: 7, reason: 'a test' },
    });
    assert.deepEqual(answer, { ...answered, said: 'ship is tried again' });
  });

  it('of several services have the stuck ones on top, those that wait the longest first, then the newest', async () => {
    const [saga] = await sample.sagaDesk({} as never).list({});
    const one = (id: string, status: string, minutes: number) =>
      ({ ...saga, id, status, startedAt: new Date(minutes * 60_000) }) as SagaSummary;
    const lists: Readonly<Record<string, readonly SagaSummary[]>> = {
      order: [one('a', 'stuck', 2), one('b', 'completed', 9), one('c', 'running', 1)],
      user: [one('d', 'stuck', 1), one('e', 'completed', 5)],
    };
    const deps: Desk = {
      ...sample,
      withSagas: Object.keys(lists),
      inDatabase: async (service, work) => await work(service as never),
      sagaDesk: (service) =>
        ({ list: async () => lists[String(service)], openVerbs: () => [] }) as unknown as SagaDesk,
    };
    const { sagas } = (await get(deps, 'sagas')) as { sagas: readonly SagaSummary[] };
    assert.deepEqual(
      sagas.map(({ id }) => id),
      ['d', 'a', 'b', 'e', 'c'],
    );
  });
});
