import { randomBytes } from 'node:crypto';
import { join } from 'node:path';
import { inboxMigrations, outboxMigrations } from '@flotilla/messaging';
import { sagaMigrations } from '@flotilla/saga';
import { createTestService } from '@flotilla/service/testing';
import { createUserApp } from './app.ts';
import type { DataHolder, Erased, Exported, Person } from './people/data-holder.ts';

const migrations = { name: 'user', directory: join(import.meta.dirname, '../migrations') };

/** A service that knows something of people, and answers as the test says. */
export interface FakeHolder extends DataHolder {
  readonly asked: { readonly what: 'export' | 'erase'; readonly person: Person }[];
  answer: (person: Person) => Erased;
  exported: Exported;
  /** So many calls fail first. */
  failures: number;
}

function createFakeHolder(name: string): FakeHolder {
  const asked: FakeHolder['asked'] = [];
  const fake: FakeHolder = {
    ...{ name, asked, failures: 0 },
    answer: () => ({ erased: [`what ${name} knew`], kept: [], orderIds: [] }),
    exported: { data: { of: name }, orderIds: [] },
    export: async (person) => {
      asked.push({ what: 'export', person });
      failSometimes();
      return fake.exported;
    },
    erase: async (person) => {
      asked.push({ what: 'erase', person });
      failSometimes();
      return fake.answer(person);
    },
  };
  function failSometimes(): void {
    fake.failures -= 1;
    if (fake.failures >= 0) throw new Error(`${name} is away`);
  }
  return fake;
}

/** The user service between services that are fakes. */
export async function startUser() {
  const service = await createTestService('user', [
    migrations,
    outboxMigrations,
    inboxMigrations,
    sagaMigrations,
  ]);
  const [identity, order, shipping] = ['identity', 'order', 'shipping'].map(createFakeHolder) as [
    FakeHolder,
    FakeHolder,
    FakeHolder,
  ];
  const app = createUserApp({
    ...service,
    newKey: () => randomBytes(32).toString('base64url'),
    instanceId: 'user-1',
    identity,
    others: [order, shipping],
    tokensEndMs: 1,
  });
  service.serve(app.handlers);
  await service.consume(app.subscriptions);
  app.sagas.run();
  service.defer(() => app.sagas.close());
  return { service, app, identity, order, shipping };
}

export type UserRig = Awaited<ReturnType<typeof startUser>>;
