import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { parseSync } from 'oxc-parser';
import { readText } from '../test/source-files.ts';
import { sample, seededRandom } from '../test/system/order-load.ts';
import { BUG_PROOFS } from './bug-proofs.ts';
import { type BugRig, createBugRig } from './bug-rig.ts';
import { invariants } from './invariants.ts';
import { CODE_BUGS, type CodeChange, plantIn } from './planted-code-bugs.ts';

/**
 * All of them take minutes, so each run of the tests takes others, by a seed that can be given. `PLANTED_BUGS=all` takes
 * them all. That each invariant finds what violates it, `invariants.test.ts` shows every time.
 */
const SAMPLE = 4;
const SEED = Number(process.env['PLANTED_SEED'] ?? Date.now() % 1_000_000);
const BUGS =
  process.env['PLANTED_BUGS'] === 'all' ? BUG_PROOFS : sample(BUG_PROOFS, SAMPLE, seededRandom(SEED));

describe('bugs that can be planted', () => {
  it('fit the sources, each in a line of its own', () => {
    for (const [bug, changes] of Object.entries<readonly CodeChange[]>(CODE_BUGS))
      for (const change of changes) {
        const { file } = change;
        assert.deepEqual(parseSync(file, plantIn(readText(file), change)).errors, [], bug);
      }
    const change = { file: 'a.ts', find: 'once', replace: '' };
    assert.throws(() => plantIn('once and once', change), /a\.ts has 2 times, not once: once/);
    assert.throws(() => plantIn('', change), /a\.ts has 0 times/);
  });

  it('have a proof each, by an invariant that there is', () => {
    assert.deepEqual(BUG_PROOFS.map(({ bug }) => bug).sort(), Object.keys(CODE_BUGS).sort());
    const ids = new Set(invariants.map(({ id }) => id));
    assert.deepEqual(
      BUG_PROOFS.filter(({ finds }) => !ids.has(finds)),
      [],
    );
  });
});

describe(`the checker, against bugs in the code (PLANTED_SEED=${SEED})`, () => {
  let rig: BugRig;
  before(async () => {
    rig = await createBugRig();
  });
  after(() => rig?.close());

  let found = 0;
  for (const proof of BUGS)
    it(`${proof.finds} notices when ${proof.what}`, async () => {
      assert.deepEqual(await rig.healthy(proof), [], 'without the bug nothing is violated');
      const ids = await rig.planted(proof);
      assert.ok(ids.includes(proof.finds), `${proof.bug}: found only ${ids.join(', ') || 'nothing'}`);
      found += 1;
    });

  it('finds every bug that was planted', (t) => {
    t.diagnostic(`planted bugs found: ${found}/${BUGS.length}, of ${BUG_PROOFS.length} that there are`);
    assert.equal(found, BUGS.length);
  });
});
