import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { EXEMPTIONS, type Exemption, NO_EFFECTS } from './effect-exemptions.ts';
import { type Effect, type EffectCalls, findEffects, writingOperations } from './effects.ts';
import { listFiles, readText } from './source-files.ts';

const SOURCES = /^(platform\/(messaging|saga|event-store)|shop\/[^/]+)\/src\/.*\.ts$/;
const NOT_SHIPPED = /\.test\.ts$|\/testing\.ts$|\/src\/testing\//;

/** They only translate to SQL: the effects are where they are called. */
const STORES =
  /\/saga\/src\/(?:store\/[\w-]+|operate\/commands)\.ts$|\/(?:[\w-]+-store|bus-queue|held-messages|inbox|refresh-tokens|login-throttle|pace|account-links|signing-keys)\.ts$/;

/** What leaves the process. */
const OUTGOING =
  /(?:^|\.)(?:transport\.publish|source\.ack|provider\.(?:charge|refund|voidCharge)|step\.do|step\.undo|placeOrder|server\.send|participants\.(?!lookUpProducts|close)\w+)$/;

const files = listFiles(SOURCES).filter((file) => !NOT_SHIPPED.test(file));
const packageOf = (file: string) => file.split('/').slice(0, 2).join('/');

function callsOf(file: string): EffectCalls {
  const stores = files.filter((store) => STORES.test(store) && packageOf(store) === packageOf(file));
  return {
    operations: new Set(stores.flatMap((store) => writingOperations(store, readText(store)))),
    outgoing: OUTGOING,
  };
}

const effects = files
  .filter((file) => !STORES.test(file))
  .flatMap((file) => findEffects(file, readText(file), callsOf(file)))
  .filter(({ what }) => !(what in NO_EFFECTS));

const isOf =
  ({ file, within, what }: Effect) =>
  (exemption: Exemption) =>
    exemption.in === `${file} ${within}` && exemption.what === what;

describe('every durable effect has a crash point before and after it', () => {
  it('or says why not', (t) => {
    const covered = effects.filter(({ before, after }) => before && after).length;
    t.diagnostic(`${effects.length} effects seen, ${covered} between two crash points of their function`);
    const bare = effects
      .filter((effect) => !(effect.before && effect.after) && !EXEMPTIONS.some(isOf(effect)))
      .map(({ file, line, within, what, before, after }) => {
        const missing = [before ? '' : 'before', after ? '' : 'after'].filter(Boolean).join(' and ');
        return `${file}:${line} ${what} in ${within}: no crash point ${missing} it`;
      });
    assert.deepEqual(bare, [], 'add crash points, or a line with a reason to test/effect-exemptions.ts');
    assert.ok(effects.length >= 50, `only ${effects.length} effects were seen`);
    assert.ok(covered >= 20, `only ${covered} are covered`);
  });

  it('and no exemption outlives its reason', () => {
    const bare = effects.filter(({ before, after }) => !(before && after));
    const stale = EXEMPTIONS.filter((exemption) => !bare.some((effect) => isOf(effect)(exemption)));
    assert.deepEqual(stale, []);
    const sources = files.map(readText).join('\n');
    const points = EXEMPTIONS.flatMap((exemption) => exemption.points ?? []);
    assert.deepEqual(
      points.filter((point) => !sources.includes(`crashPoint('${point}')`)),
      [],
    );
  });
});

describe('the search for effects', () => {
  const outgoing = /^provider\.charge$/;
  const look = (text: string, operations: readonly string[] = []) =>
    findEffects('a.ts', text, { operations: new Set(operations), outgoing }).map(
      ({ within, what, before, after }) => [within, what, before, after],
    );

  it('notices a commit without points, and one that has them', () => {
    assert.deepEqual(look('async function place() {\n  await deps.db.transaction(async (tx) => {});\n}'), [
      ['place', 'db.transaction', false, false],
    ]);
    const good = `export async function place() {
      await db.transaction(async (tx) => { crashPoint('a.before-commit'); });
      crashPoint('a.after-commit');
    }`;
    assert.deepEqual(look(good), [['place', 'db.transaction', true, true]]);
  });

  it('is not taken in by points of another function, in a comment or in a string', () => {
    const text = `
      function other() { crashPoint('a.before'); }
      const place = async (order: { id: string }): Promise<{ ok: boolean }> => {
        // crashPoint('a.before')
        log("crashPoint('a.after')");
        await provider.charge(order);
      };
      const text = \`crashPoint('a.after') in a template\`;
      function another() { crashPoint('a.after'); }`;
    assert.deepEqual(look(text), [['place', 'provider.charge', false, false]]);
  });

  it('sees a point on one side only', () => {
    const text =
      "function charge() {\n crashPoint('a.before');\n return provider.charge(request({ a: 1 }));\n}";
    assert.deepEqual(look(text), [['charge', 'provider.charge', true, false]]);
  });

  it('knows a write from a read, also when the statement is a constant', () => {
    const text = `
      const FIND = \`SELECT * FROM t\`;
      const ADD = \`
        INSERT INTO t VALUES ($1)\`;
      const store = { find: () => db.query(FIND), add: (id: string) => db.query<Row>(ADD, [id]),
        drop: async () => { await db.query('DELETE FROM t'); } };`;
    assert.deepEqual(look(text), [
      ['add', 'db.query INSERT', false, false],
      ['drop', 'db.query DELETE', false, false],
    ]);
    assert.deepEqual(writingOperations('a.ts', text), ['.add', '.drop']);
  });

  it('follows the operations of a store to where they are called', () => {
    const store = `export async function claim(db: Database) { await db.query('UPDATE t SET a = 1'); }
      export const createStore = (db: Database) => ({ change: (id: string) => db.query('UPDATE t SET a = 2') });`;
    const operations = writingOperations('a.ts', store);
    assert.deepEqual(operations, ['claim', '.change']);
    const text = 'function work() {\n deps.store.change(1);\n claim(db);\n change(2);\n other.claim();\n}';
    assert.deepEqual(
      look(text, operations).map(([, what]) => what),
      ['store.change', 'claim'],
    );
  });
});
