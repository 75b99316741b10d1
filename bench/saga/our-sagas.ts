/** The saga engine in the process of its service; every option has its default, apart from its concurrency. */
import { createDatabase } from '@flotilla/postgres';
import { createSagaEngine, defineSaga } from '@flotilla/saga';
import { createMetrics, silentLogger } from '@flotilla/telemetry';
import { runProgram } from '../program.ts';
import { sagaCommands, takeStep } from './load.ts';

interface Settings {
  readonly uri: string;
  readonly concurrency: number;
}

await runProgram(async ({ uri, concurrency }: Settings) => {
  const db = createDatabase({ uri, applicationName: 'sagas', acquireTimeoutMs: 60_000 });
  const ended = new Map<string, () => void>();
  const threeSteps = defineSaga<{ readonly order: string }>({
    type: 'three-steps',
    version: 1,
    deadlineMs: 600_000,
    steps: (step) => [
      step({
        name: 'reserve',
        do: async ({ order }) => ({ ok: true, result: await takeStep('reserve', order) }),
        undo: async () => undefined,
      }),
      step({
        name: 'charge',
        do: async ({ order }) => ({ ok: true, result: await takeStep('charge', order) }),
        undo: async () => undefined,
      }),
      step({
        name: 'ship',
        pivot: true,
        do: async ({ order }) => ({ ok: true, result: await takeStep('ship', order) }),
      }),
    ],
    onCompleted: async (tx, { order }) => {
      tx.afterCommit(() => {
        ended.get(order)?.();
        ended.delete(order);
      });
    },
  });
  const sagas = createSagaEngine({
    db,
    definitions: [threeSteps],
    instanceId: 'bench',
    concurrency,
    logger: silentLogger,
    metrics: createMetrics(),
  });
  sagas.run();
  let orders = 0;
  return {
    commands: sagaCommands(async () => {
      orders += 1;
      const order = `order-${orders}`;
      const end = new Promise<void>((resolve) => ended.set(order, resolve));
      await db.transaction((tx) => sagas.start(tx, threeSteps, { data: { order } }));
      await end;
    }),
    close: async () => {
      await sagas.close();
      await db.close();
    },
  };
});
