import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { startProgram } from './program.ts';
import { createReport } from './report.ts';
import { measureGoodput } from './resilience/goodput.ts';
import { oneOfTwo, oneSlowOfTen, threeHops } from './resilience/instances.ts';

interface Contender {
  readonly name: string;
  readonly ours: boolean;
  readonly program: string;
}

const OURS = join(import.meta.dirname, 'resilience/our-policies.ts');
const THEIRS = join(import.meta.dirname, 'peers/resilience.ts');

const CONTENDERS: readonly Contender[] = [
  { name: 'composed policy', ours: true, program: OURS },
  { name: 'cockatiel 4', ours: false, program: THEIRS },
  { name: 'opossum 10', ours: false, program: THEIRS },
  { name: 'deadline and breaker', ours: true, program: OURS },
  { name: 'cockatiel 4, breaker alone', ours: false, program: THEIRS },
  { name: 'breaker alone', ours: true, program: OURS },
  { name: 'nothing at all', ours: false, program: OURS },
];

/** What a policy costs a call that does nothing, beside other libraries; and how much a host does when it is asked for more. */
export async function run(args: readonly string[]): Promise<void> {
  const { values } = parseArgs({
    args: [...args],
    options: {
      rounds: { type: 'string', default: '5' },
      seconds: { type: 'string', default: '10' },
      results: { type: 'string' },
    },
  });
  const report = createReport('resilience', new Date());
  for (let round = 1; round <= Number(values.rounds); round += 1) {
    for (const contender of CONTENDERS) {
      const program = await startProgram(contender.program, { settings: { kind: contender.name } });
      try {
        report.add('a call', contender, await program.ask('measure'));
      } finally {
        await program.stop();
      }
    }
  }
  for (const sheds of [true, false]) {
    const name = sheds ? 'a host as it is' : 'without shedding';
    const figures = await measureGoodput({ sheds, seconds: Number(values.seconds) });
    report.add('goodput', { name, ours: sheds }, figures);
  }
  for (const strategy of ['power-of-two', 'round-robin'] as const)
    report.add(
      'one slow of ten',
      { name: strategy, ours: strategy === 'power-of-two' },
      await oneSlowOfTen(strategy),
    );
  for (const signal of ['SIGKILL', 'SIGSTOP'] as const)
    report.add(
      `${signal} of one of two`,
      { name: 'power-of-two', ours: true },
      await oneOfTwo(signal, Number(values.seconds)),
    );
  report.add('three hops, the last one broken', { name: 'budgets', ours: true }, await threeHops());
  report.print();
  if (values.results) await report.write(values.results);
}
