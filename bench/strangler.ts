import { connectControl, dataDirAt } from '@flotilla/cli';
import { strangle } from '../demos/strangle.ts';
import { startSystem } from '../test/system/running-system.ts';

const PER_SECOND = 100;
const SECONDS_EACH = 10;
const CUSTOMERS = 30;

/** The phases of the strangler under load: what customers of the monolith notice. */
export async function run(): Promise<void> {
  const system = await startSystem();
  const undos: (() => Promise<unknown>)[] = [];
  try {
    const { signal } = new AbortController();
    const { phases, shadow, report } = await strangle(
      {
        control: connectControl(dataDirAt(system.dataDir)),
        dataDir: system.dataDir,
        signal,
        say: (line) => console.error(line),
        putBack: (_what, undo) => undos.push(undo),
      },
      { perSecond: PER_SECOND, secondsEach: SECONDS_EACH, customers: CUSTOMERS },
    );
    console.table(phases, [
      'phase',
      'requests',
      'errors',
      'differences',
      'cancelled',
      'placed',
      'p99Ms',
      'fallbacks',
    ]);
    console.log(JSON.stringify({ shadow, report }));
    const wrong = phases.reduce(
      (sum, { errors, differences }) => sum + errors + differences,
      shadow.different,
    );
    if (wrong > 0) process.exitCode = 1;
  } finally {
    for (const undo of undos.reverse()) await undo();
    await system.stop();
  }
}
