import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { listFiles, readText } from '../test/source-files.ts';
import { sample, seededRandom } from '../test/system/order-load.ts';
import { type BugRig, createBugRig } from './bug-rig.ts';
import { invariants } from './invariants.ts';
import { CODE_BUGS } from './planted-code-bugs.ts';

/** Only this one is planted in a test of its own. */
const OF_A_TEST = ['sample-greets-nobody'];

/**
 * All of them take minutes, so each run of the tests takes others, by a seed that can be given. `PLANTED_BUGS=all` takes
 * them all.
 */
const SAMPLE = 6;
const SEED = Number(process.env['PLANTED_SEED'] ?? Date.now() % 1_000_000);
const BUGS =
  process.env['PLANTED_BUGS'] === 'all' ? CODE_BUGS : sample(CODE_BUGS, SAMPLE, seededRandom(SEED));

describe(`the checker, against bugs in the code (PLANTED_SEED=${SEED})`, () => {
  let rig: BugRig;
  before(async () => {
    rig = await createBugRig();
  });
  after(() => rig?.close());

  it('knows every bug that is planted in the sources, and where', () => {
    const planted = listFiles(/^(platform|shop)\/.*(?<!\.test)\.ts$/).flatMap((file) =>
      [...readText(file).matchAll(/\bplantedBug\('([^']+)'\)/g)].map((found) => `${found[1]} ${file}`),
    );
    const listed = CODE_BUGS.flatMap(({ bug, where }) =>
      bug.split(',').map((name, index) => `${name} ${where[index]}`),
    );
    const shipped = planted.filter((place) => !OF_A_TEST.includes(place.split(' ')[0] ?? ''));
    assert.deepEqual([...new Set(shipped)].sort(), listed.sort());
    const ids = new Set(invariants.map(({ id }) => id));
    assert.deepEqual(
      CODE_BUGS.filter(({ finds }) => !ids.has(finds)),
      [],
    );
  });

  let found = 0;
  for (const plant of BUGS)
    it(`${plant.finds} notices when ${plant.what}`, async () => {
      assert.deepEqual(await rig.healthy(plant), [], 'without the bug nothing is violated');
      const ids = await rig.planted(plant);
      assert.ok(ids.includes(plant.finds), `${plant.bug}: found only ${ids.join(', ') || 'nothing'}`);
      found += 1;
    });

  it('finds every bug that was planted', (t) => {
    t.diagnostic(`planted bugs found: ${found}/${BUGS.length}, of ${CODE_BUGS.length} that there are`);
    assert.equal(found, BUGS.length);
  });
});
