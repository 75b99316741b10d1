import assert from 'node:assert/strict';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, it, type TestContext } from 'node:test';
import {
  createEventStore,
  createProjectionRunner,
  type DomainEvent,
  defineCategory,
  defineEvent,
  defineProjection,
  eventStoreMigrations,
} from '@flotilla/event-store';
import * as s from '@flotilla/kernel/schema';
import { eventually } from '@flotilla/kernel/testing';
import { createTestDatabase, type TestDatabase } from '@flotilla/postgres/testing';
import { silent, startTestControl } from '../../test/control.ts';
import { runCommandLine } from '../command-line.ts';

type Noted = DomainEvent<'noted', { readonly text: string }>;
const notes = defineCategory<Noted>('note', {
  noted: defineEvent({ type: 'noted', schema: s.object({ text: s.string() }) }),
});
let isBroken = false;
const noteList = defineProjection<Noted>({
  name: 'note_list',
  version: 1,
  categories: [notes],
  tables: ['note'],
  handle: async (tx, event, { generation }) => {
    if (isBroken && event.data.text === 'poison') throw new Error('cannot digest this');
    await tx.query('INSERT INTO note VALUES ($1, $2)', [generation, event.data.text]);
  },
});

describe('flotilla projection', () => {
  let database: TestDatabase;
  let folder: string;
  let control: { close(): void };
  const runner = () =>
    createProjectionRunner({
      db: database.db,
      projections: [noteList],
      ...silent,
      pollIntervalMs: 20,
      retryDelaysMs: [],
    });
  const store = createEventStore();
  const append = (text: string) =>
    database.db.transaction((tx) =>
      store.append(tx, notes.stream('n'), [{ type: 'noted', data: { text } }], { expect: 'any' }),
    );

  before(async () => {
    folder = await mkdtemp(join(tmpdir(), 'flotilla-projection-'));
    database = await createTestDatabase([eventStoreMigrations]);
    await database.db.query('CREATE TABLE note (generation integer, text text)');
    await database.db.query("SELECT create_projection('note_list', 1, false, '{note}')");
    control = await startTestControl(folder, { databaseUri: () => database.uri });
  });
  after(async () => {
    control.close();
    await database.close();
    await rm(folder, { recursive: true });
  });

  async function run(
    t: TestContext,
    ...args: string[]
  ): Promise<{ readonly code: number; readonly out: string }> {
    const lines: string[] = [];
    const write = (line: string) => void lines.push(line);
    t.mock.method(console, 'log', write);
    t.mock.method(console, 'error', write);
    const code = await runCommandLine(['projection', ...args, '--data-dir', folder], {
      cwd: folder,
      env: {},
    });
    t.mock.restoreAll();
    return { code, out: lines.join('\n') };
  }

  it('rebuilds through the running service, and goes back', async (t) => {
    await append('first');
    const running = runner();
    running.start();
    t.after(() => running.close());
    const rebuilt = await run(t, 'rebuild', 'notes', 'note_list', '--by', 'mia');
    assert.equal(rebuilt.code, 0, rebuilt.out);
    assert.match(rebuilt.out, /done: generation 2 is what readers see$/);
    const back = await run(t, 'rollback', 'notes', 'note_list', '--json');
    assert.equal(back.code, 0, back.out);
    assert.equal(JSON.parse(back.out).status, 'done');
    // The event may wait at the horizon for a while, for transactions of whoever shares this server.
    const listed = await eventually('it has caught up', async () => {
      const shown = await run(t, 'list', 'notes');
      return /note_list +asynchronous +1 +1 +active +-/.test(shown.out) && shown;
    });
    assert.equal(listed.code, 0);
    assert.match(listed.out, /mia +rebuild note_list +done +generation 2 is what readers see/);
  });

  it('shows what a projection has halted at, and skips that', async (t) => {
    isBroken = true;
    const running = runner();
    running.start();
    t.after(() => running.close());
    await append('poison');
    await append('after it');
    const halted = await eventually('it halts', async () => {
      const found = await run(t, 'list', 'notes', 'note_list');
      return found.code === 1 && found;
    });
    assert.match(halted.out, /active, HALTED +2 events.*noted, version 2 of note-n: cannot digest this/);
    const skipped = await run(t, 'skip', 'notes', 'note_list');
    assert.equal(skipped.code, 0, skipped.out);
    assert.match(
      skipped.out,
      /done: generation 1 goes on without noted, version 2 of note-n \(cannot digest this\)/,
    );
    await eventually('it goes on', async () => /active +-/.test((await run(t, 'list', 'notes')).out));
    const nothing = await run(t, 'skip', 'notes', 'note_list');
    assert.equal(nothing.code, 1);
    assert.match(nothing.out, /refused: it is not halted/);
  });

  it('says when nobody runs the projection, and leaves the wish on record', async (t) => {
    const waiting = await run(t, 'resume', 'notes', 'note_list', '--timeout', '0');
    assert.equal(waiting.code, 1);
    assert.match(waiting.out, /It is still pending/);
    assert.match((await run(t, 'list', 'notes')).out, /resume note_list +pending/);
  });

  it('is not understood without a verb, a name or a projection', async (t) => {
    for (const args of [
      ['explode', 'notes'],
      ['rebuild', 'notes'],
      ['rebuild', 'notes', 'titles', '--timeout', 'soon'],
    ])
      assert.equal((await run(t, ...args)).code, 2);
    assert.equal((await run(t, 'rebuild', 'notes', 'nothing')).code, 1);
  });
});
