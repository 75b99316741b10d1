/** A service of somebody who has only the packages: what is asked of it, its row and its saga commit together. */
import * as s from '@flotilla/kernel/schema';
import { busMigrations, defineMessage, inboxMigrations, on, outboxMigrations } from '@flotilla/messaging';
import { migrate } from '@flotilla/postgres';
import { readEnvironment } from '@flotilla/process';
import { createSagaEngine, defineSaga, sagaMigrations } from '@flotilla/saga';
import { BUS_SETTINGS, DATABASE_SETTINGS, openBus, openDatabase, runService } from '@flotilla/service';

const schema = s.object({ id: s.string({ format: 'uuid' }) });
const key = ({ id }: { readonly id: string }) => id;
const placed = defineMessage({ type: 'order.placed.v1', description: 'An order was placed.', key, schema });
const shipped = defineMessage({ type: 'order.shipped.v1', description: 'An order has left.', key, schema });
const done = async () => ({ ok: true, result: undefined }) as const;

await runService({
  name: 'order',
  readConfig: (env) => readEnvironment(env, { ...DATABASE_SETTINGS, ...BUS_SETTINGS }),
  start: async (service) => {
    const db = openDatabase(service);
    await migrate(db, [busMigrations, outboxMigrations, inboxMigrations, sagaMigrations]);
    await db.query('CREATE TABLE IF NOT EXISTS customer_order (id uuid PRIMARY KEY)');
    const bus = await openBus(service, db);
    const outbox = bus.openOutbox();
    const fulfil = defineSaga<{ id: string }>({
      ...{ type: 'fulfil-order', version: 1, deadlineMs: 60_000 },
      steps: (step) => [step({ name: 'charge', do: done, undo: done }), step({ name: 'ship', do: done })],
      onCompleted: (tx, order) => outbox.publish(tx, shipped, order),
    });
    const sagas = createSagaEngine({ ...service, ...service.env, db, definitions: [fulfil] });
    service.defer('sagas', sagas.close);
    sagas.run();
    await bus.consume([
      on(placed, async ({ data }, tx) => {
        await tx.query('INSERT INTO customer_order VALUES ($1)', [data.id]);
        await sagas.start(tx, fulfil, { id: data.id, data });
      }),
    ]);
    return { handlers: [] };
  },
});
