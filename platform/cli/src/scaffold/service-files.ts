import { namesOf, type ServiceNames } from './names.ts';

export interface ServicePlan {
  readonly name: string;
  /** Of the package: `@shop/parcel`. */
  readonly packageName: string;
  /** Of the platform's packages. */
  readonly version: string;
}

/**
 * The files of a service that keeps things of one kind, each for whoever added it: the smallest one that has a table, routes
 * behind a token, crash points and a test. By path in its folder.
 */
export function serviceFiles(plan: ServicePlan): Readonly<Record<string, string>> {
  const names = namesOf(plan.name);
  return {
    'package.json': manifest(plan),
    'README.md': readme(names),
    [`migrations/0001_${names.table}.sql`]: migration(names),
    'src/main.ts': main(names),
    'src/config.ts': CONFIG,
    'src/routes.ts': routes(names),
    'src/app.ts': app(names),
    'src/app.test.ts': test(names),
  };
}

function manifest({ packageName, version }: ServicePlan): string {
  const used = (...packages: readonly string[]) =>
    Object.fromEntries(packages.map((name) => [`@flotilla/${name}`, version]));
  const content = {
    ...{ name: packageName, version: '0.1.0', private: true, type: 'module' },
    dependencies: used('auth', 'http', 'kernel', 'postgres', 'process', 'service'),
  };
  return `${JSON.stringify(content, null, 2)}\n`;
}

function readme({ name, words }: ServiceNames): string {
  return `# ${name}

Keeps each ${words} for whoever added it.

${markdownTable([
  ['request', 'response'],
  [`\`POST /${name}\``, '201 with what was added'],
  [`\`GET /${name}\``, '200 with what the caller has added, new first'],
])}
Crash points: \`${name}.before-add\`, \`${name}.after-add\`. Configuration: \`DATABASE_URL\`.
`;
}

function markdownTable(rows: readonly (readonly [string, string])[]): string {
  const widths = [0, 1].map((column) => Math.max(...rows.map((row) => row[column]?.length ?? 0)));
  const line = (cells: readonly string[], fill = ' ') =>
    `| ${cells.map((cell, column) => cell.padEnd(widths[column] ?? 0, fill)).join(' | ')} |\n`;
  const [head = [], ...body] = rows;
  return [line(head), line(['', ''], '-'), ...body.map((cells) => line(cells))].join('');
}

function migration({ table }: ServiceNames): string {
  return `CREATE TABLE ${table} (
  id uuid PRIMARY KEY,
  owner text NOT NULL,
  name text NOT NULL,
  added_at timestamptz NOT NULL DEFAULT now()
);
CREATE INDEX ON ${table} (owner, added_at DESC, id);
`;
}

function main({ name, type }: ServiceNames): string {
  return `import { openDatabase, runService } from '@flotilla/service';
import { create${type}App } from './app.ts';
import { readConfig } from './config.ts';

await runService({
  name: '${name}',
  readConfig,
  start: (service) => create${type}App({ db: openDatabase(service), newId: service.newId }),
});
`;
}

const CONFIG = `import { type Environment, readEnvironment } from '@flotilla/process';
import { DATABASE_SETTINGS } from '@flotilla/service';

const SETTINGS = { ...DATABASE_SETTINGS };

export function readConfig(env: Environment) {
  return readEnvironment(env, SETTINGS);
}
`;

function routes({ name, type, value, words }: ServiceNames): string {
  return `import { anyUser } from '@flotilla/auth';
import { defineRoute } from '@flotilla/http';
import * as s from '@flotilla/kernel/schema';

const ${value}Schema = s.object({ id: s.string(), name: s.string(), addedAt: s.string() });

export const add${type} = defineRoute({
  method: 'POST',
  path: '/${name}',
  summary: 'Add a ${words}',
  access: anyUser,
  body: s.object({ name: s.string({ minLength: 1, maxLength: 200 }) }),
  responses: { 201: ${value}Schema },
});

export const list${type} = defineRoute({
  method: 'GET',
  path: '/${name}',
  summary: 'What the caller has added, new first',
  access: anyUser,
  responses: { 200: s.object({ items: s.array(${value}Schema) }) },
});
`;
}

function app({ name, type, table }: ServiceNames): string {
  return `import { created, handle, ok, type RouteHandler } from '@flotilla/http';
import { crashPoint, type NewId } from '@flotilla/kernel';
import type { Database } from '@flotilla/postgres';
import { add${type}, list${type} } from './routes.ts';

export interface ${type}Deps {
  readonly db: Database;
  readonly newId: NewId;
}

const MOST_SHOWN = 100;

export function create${type}App({ db, newId }: ${type}Deps): { readonly handlers: readonly RouteHandler[] } {
  return {
    handlers: [
      handle(add${type}, async ({ body, principal }) => {
        crashPoint('${name}.before-add');
        const [added] = await db.query<Row>(
          'INSERT INTO ${table} (id, owner, name) VALUES ($1, $2, $3) RETURNING id, name, added_at',
          [newId(), principal.subject, body.name],
        );
        crashPoint('${name}.after-add');
        if (!added) throw new Error('an insert returned nothing');
        return created(viewOf(added));
      }),

      handle(list${type}, async ({ principal }) => {
        const rows = await db.query<Row>(
          'SELECT id, name, added_at FROM ${table} WHERE owner = $1 ORDER BY added_at DESC, id LIMIT $2',
          [principal.subject, MOST_SHOWN],
        );
        return ok({ items: rows.map(viewOf) });
      }),
    ],
  };
}

interface Row {
  readonly id: string;
  readonly name: string;
  readonly added_at: Date;
}

function viewOf({ id, name, added_at }: Row) {
  return { id, name, addedAt: added_at.toISOString() };
}
`;
}

function test({ name, type }: ServiceNames): string {
  return `import assert from 'node:assert/strict';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { createTestService, type TestService } from '@flotilla/service/testing';
import { create${type}App } from './app.ts';

const migrations = { name: '${name}', directory: join(import.meta.dirname, '../migrations') };

describe('${name}', () => {
  let service: TestService;
  before(async () => {
    service = await createTestService('${name}', [migrations]);
    service.serve(create${type}App(service).handlers);
  });
  after(() => service.close());

  it('shows what was added to whoever added it, and to nobody else', async () => {
    const added = await service.request('POST', '/${name}', { as: { sub: 'alice' }, body: { name: 'one' } });
    assert.equal(added.status, 201);
    const mine = await service.request('GET', '/${name}', { as: { sub: 'alice' } });
    assert.deepEqual(mine.body, { items: [added.body] });
    const theirs = await service.request('GET', '/${name}', { as: { sub: 'bob' } });
    assert.deepEqual(theirs.body, { items: [] });
  });

  it('lets nobody in without a token, and takes nothing without a name', async () => {
    assert.equal((await service.request('GET', '/${name}')).status, 401);
    const nameless = { as: { sub: 'alice' }, body: { name: '' } };
    assert.equal((await service.request('POST', '/${name}', nameless)).status, 400);
  });
});
`;
}
