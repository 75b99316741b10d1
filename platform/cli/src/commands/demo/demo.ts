import { type Command, flag, type Invocation, JSON_OPTION, number } from '../../command-line/command.ts';
import { DATA_DIR_OPTION, placeOf } from '../../command-line/place.ts';
import { thereIsNo } from '../../command-line/there-is-no.ts';
import { textOf, wholeNumber } from '../../command-line/value-kinds.ts';
import { connectControl } from '../../control/client.ts';
import type { Demo } from '../../demo/demo.ts';
import { demoHead, demoJson, demoTable, performanceJson, performanceView } from '../../demo/demo-view.ts';
import { type Performance, playDemo } from '../../demo/play-demo.ts';
import { cliError } from '../../errors.ts';
import { findRoot, loadSystem } from '../../load-system.ts';

const DEFAULT_TIMEOUT_SECONDS = 120;

export const demo: Command = {
  name: 'demo',
  summary:
    'shows patterns on the running system and checks what they promise; lists them without one; exit 1 when one does not hold',
  arguments: [{ kind: textOf('pattern'), isOptional: true, isRepeated: true }],
  options: {
    all: { help: 'every pattern that can be shown in this system' },
    timeout: {
      kind: wholeNumber(1, 3_600, 'seconds'),
      help: `how long one may take (default ${DEFAULT_TIMEOUT_SECONDS})`,
    },
    ...JSON_OPTION,
    ...DATA_DIR_OPTION,
  },
  example: 'demo outbox',
  run: async (invocation) => {
    const demos = await demosOf(invocation);
    const isAll = flag(invocation.values, 'all');
    if (!isAll && invocation.positionals.length === 0) return list(demos, invocation);
    const chosen = isAll ? demos : invocation.positionals.map((name) => named(demos, name));
    const played = await playAll(chosen, invocation);
    if (flag(invocation.values, 'json')) console.log(JSON.stringify(played.map(performanceJson), null, 2));
    return exitCodeOf(played, isAll);
  },
};

async function demosOf({ cwd }: Invocation): Promise<readonly Demo[]> {
  return (await (await loadSystem(findRoot(cwd))).demos?.()) ?? [];
}

function list(demos: readonly Demo[], { values }: Invocation): number {
  if (flag(values, 'json')) console.log(JSON.stringify(demos.map(demoJson), null, 2));
  else console.log(demos.length === 0 ? 'This system has no demos.' : demoTable(demos));
  return 0;
}

function named(demos: readonly Demo[], name: string): Demo {
  const found = demos.find((one) => one.name === name);
  if (found !== undefined) return found;
  const names = demos.map((one) => one.name);
  throw cliError('CLI_USAGE', thereIsNo('demo', name, names));
}

/** One after the other: they would see what each other makes go wrong. */
async function playAll(demos: readonly Demo[], invocation: Invocation): Promise<readonly Performance[]> {
  const place = placeOf(invocation);
  const control = connectControl(place);
  await control.pid();
  const isQuiet = flag(invocation.values, 'json');
  const say = (line: string): void => {
    if (!isQuiet) console.log(line);
  };
  const ended = new AbortController();
  const stop = (): void => ended.abort(cliError('CLI_USAGE', 'ended by its user'));
  process.once('SIGINT', stop).once('SIGTERM', stop);
  const timeoutMs = (number(invocation.values, 'timeout') ?? DEFAULT_TIMEOUT_SECONDS) * 1_000;
  const played: Performance[] = [];
  for (const one of demos) {
    if (ended.signal.aborted) break;
    say(demoHead(one));
    const signal = AbortSignal.any([ended.signal, AbortSignal.timeout(timeoutMs)]);
    const onStep = (line: string): void => say(`  · ${line}`);
    const performance = await playDemo(one, { control, dataDir: place.path, onStep, signal });
    say(`${performanceView(performance)}\n`);
    played.push(performance);
  }
  process.off('SIGINT', stop).off('SIGTERM', stop);
  return played;
}

/** What is not possible here is no fault when all were asked for, and one when it was asked for by its name. */
function exitCodeOf(played: readonly Performance[], isAll: boolean): number {
  if (played.some(({ outcome }) => outcome === 'broken')) return 1;
  const isMissing = played.length === 0 || played.some(({ outcome }) => outcome === 'not-possible');
  return !isAll && isMissing ? 2 : 0;
}
