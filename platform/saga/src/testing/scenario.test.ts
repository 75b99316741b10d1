import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { amended, askWork, errand, workDone, workRefused } from '../../test/scenario.fixture.ts';
import { defineSaga, type SagaDefinition } from '../index.ts';
import { replied, runScenario } from './index.ts';

interface Trip {
  readonly city: string;
  readonly hotelId?: string;
}

const never = () => Promise.reject(new Error('a scenario calls nobody'));

const trip: SagaDefinition<Trip> = defineSaga<Trip>({
  type: 'book-trip',
  version: 1,
  deadlineMs: 60_000,
  steps: (step) => [
    step({
      name: 'book-hotel',
      do: (): Promise<{ ok: true; result: { hotelId: string } }> => never(),
      undo: never,
      onDone: (_tx, data, { hotelId }) => ({ ...data, hotelId }),
    }),
    step({ name: 'book-flight', do: never, undo: never }),
    step({ name: 'pay', do: never, pivot: true }),
    step({ name: 'send-tickets', do: never, retriable: true }),
  ],
  onCompensated: async (tx, data, reason) => {
    await tx.query('UPDATE trip SET refused = $1', [`${data.city}: ${reason.code}`]);
  },
});

const paris: Trip = { city: 'Paris' };
const booked = { ok: true, result: { hotelId: 'h1' } } as const;
const refused = (code: string) => ({ ok: false, reason: { code } }) as const;

describe('a scenario', () => {
  it('threads data through the steps of a saga that succeeds', async () => {
    await runScenario(trip, paris)
      .when('do book-hotel', booked)
      .expect({
        status: 'completed',
        calls: ['do book-hotel', 'do book-flight', 'do pay', 'do send-tickets'],
        data: { city: 'Paris', hotelId: 'h1' },
      });
  });

  it('shows retries and compensation, and runs hooks against the given rows', async () => {
    const statements: unknown[] = [];
    const query = async <Row>(sql: string, values?: readonly unknown[]): Promise<Row[]> => {
      statements.push([sql, values]);
      return [];
    };
    await runScenario(trip, paris, query)
      .when('do book-hotel', booked)
      .when('do book-flight', 'times-out', refused('sold-out'))
      .when('undo book-flight', 'throws')
      .expect({
        status: 'compensated',
        reason: 'sold-out',
        calls: [
          'do book-hotel',
          'do book-flight',
          'do book-flight',
          'undo book-flight',
          'undo book-flight',
          'undo book-hotel',
        ],
      });
    assert.deepEqual(statements, [['UPDATE trip SET refused = $1', ['Paris: sold-out']]]);
  });

  it('plays cancellations, deadlines and faults that no retry cures', async () => {
    const first = () => runScenario(trip, paris).when('do book-hotel', booked);
    await first().when('do book-flight', { cancelled: 'ill' }).expect({ status: 'cancelled', reason: 'ill' });
    await first().when('do pay', { cancelled: 'too-late' }).expect({ status: 'completed' });
    await first()
      .when('do book-flight', 'deadline')
      .expect({ status: 'compensated', reason: 'SAGA_DEADLINE' });
    await first()
      .when('do book-flight', 'fails')
      .expect({ status: 'compensated', reason: 'SCRIPTED_FAILURE' });
    await first().when('do send-tickets', 'fails').expect({ status: 'stuck' });
  });

  it('fails for an unexpected end, an unused script and an unknown step', async () => {
    await assert.rejects(
      runScenario(trip, paris).when('do book-hotel', booked).expect({ status: 'compensated' }),
      /ended completed after do book-hotel, do book-flight/,
    );
    await assert.rejects(
      runScenario(trip, paris).when('do book-hotel', booked, booked).expect({ status: 'completed' }),
      /scripted outcomes were not used/,
    );
    assert.throws(() => runScenario(trip, paris).when('do nothing'), /book-trip has no call do nothing/);
  });

  it('plays commands and their replies, parallel branches, waits and events', async () => {
    const id = 'e1';
    const work = (step: string) => ({ type: askWork.type, data: { step, sagaId: id, what: step } });
    await runScenario(errand, { id, trail: [] })
      .when('do a', replied(workDone, { step: 'a', sagaId: id, what: 'A' }))
      .when('do call', 'throws')
      .given('do last', amended, { about: id, to: 'event' })
      .expect({
        status: 'completed',
        calls: ['do a', 'do b', 'do call', 'do call', 'do pause', 'do last'],
        commands: [work('a'), work('b')],
        data: { id, trail: ['A', 'b', 'called', 'event'] },
      });
  });

  it('undoes the started branches of a group, and reads refusals out of replies', async () => {
    const no = { step: 'b', sagaId: 'e1', what: 'sold-out' };
    await runScenario(errand, { id: 'e1', trail: [] })
      .when('do b', replied(workRefused, no))
      .expect({ status: 'compensated', reason: 'sold-out', calls: ['do a', 'do b', 'undo a'] });
    const astray = runScenario(errand, { id: 'e1', trail: [] })
      .when('do b', replied(amended, { about: 'x', to: 'y' }))
      .expect({ status: 'compensated' });
    await assert.rejects(astray, /b awaits no test.amended.v1/);
  });

  it('plays what an operator does to a stuck saga', async () => {
    const stuck = () => runScenario(errand, { id: 'e1', trail: [] }).when('do last', 'fails');
    await stuck().operate({ verb: 'skip' }).expect({ status: 'completed' });
    await stuck().operate({ verb: 'retry' }).expect({ status: 'completed' });
    await stuck().operate({ verb: 'complete' }).expect({ status: 'completed' });
    await stuck()
      .operate({ verb: 'compensate' })
      .expect({ status: 'compensated', reason: 'forced-by-operator' });
  });
});
