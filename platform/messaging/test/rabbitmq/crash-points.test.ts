import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { eventually } from '@flotilla/kernel/testing';
import { rabbitmqCrashPoints } from '../../src/testing/crash-points.ts';
import { skipWithoutRabbitmq } from '../../src/testing/rabbitmq.ts';
import { startSuccessor, startTestProcess } from '../process.ts';
import { effects } from '../system.ts';
import { useRabbitmqTestSystem } from './system.ts';

const POINTS = [...rabbitmqCrashPoints, 'consumer.after-commit'];

describe('a process killed between two effects on RabbitMQ', { skip: skipWithoutRabbitmq() }, () => {
  const createSystem = useRabbitmqTestSystem();

  for (const crashPoint of POINTS) {
    it(`at ${crashPoint} loses nothing and does nothing twice`, async (t) => {
      const system = await createSystem(t);
      await system.transport().subscribe('test', ['test.counted.v1']);
      for (let n = 0; n < 3; n += 1) await system.publish('k', n);
      const victim = await startTestProcess(t, system, { parts: ['relay', 'consumer'], crashPoint });
      assert.equal(await victim.exited, 'SIGKILL', 'the point was reached');
      const successor = await startSuccessor(system, ['relay', 'consumer']);
      const isOver = async () => {
        const [unsent] = await system.service.db.query('SELECT 1 FROM outbox');
        const [held] = await system.service.db.query(
          'SELECT 1 FROM inbox_held UNION ALL SELECT 1 FROM inbox_dead_letter',
        );
        return !unsent && !held && (await effects(system)).length >= 3;
      };
      await eventually('all effects, nothing left', isOver);
      await successor.close();
      assert.deepEqual(
        await effects(system),
        [0, 1, 2].map((n) => ({ key: 'k', n })),
      );
    });
  }
});
