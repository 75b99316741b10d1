import assert from 'node:assert/strict';
import { it } from 'node:test';
import { assertSound } from './assert-sound.ts';
import type { OrderFlow, RunningSystem } from './running-system.ts';

interface Shown {
  readonly name: string;
  readonly outcome: string;
  readonly reason?: string;
  readonly claims: readonly { readonly claim: string; readonly holds: boolean; readonly seen: string }[];
}

/** What differs by the flow; everything else is shown once. */
const OF_A_FLOW = ['choreography', 'compensation', 'outbox'];

/** What `flotilla demo` says of the running shop is so, and the shop is afterwards as it was. */
export const demos = (flow: OrderFlow, running: () => RunningSystem) => (): void => {
  const isAll = flow === 'orchestration';

  it(isAll ? 'shows every pattern' : 'shows the patterns of this flow', async () => {
    const system = running();
    const shown = await play(system, isAll ? ['--all'] : OF_A_FLOW);
    const others = process.env['RABBITMQ_URL']
      ? ['choreography', 'idempotent-consumer', 'dead-letter']
      : ['choreography'];
    const broken = shown.filter(
      ({ name, outcome }) => outcome !== (isAll && others.includes(name) ? 'not-possible' : 'held'),
    );
    assert.deepEqual(broken, []);
    assert.ok(shown.length >= (isAll ? 25 : OF_A_FLOW.length), `only ${shown.length} were shown`);
    await assertAsBefore(system);
  });

  if (isAll)
    it('lists them, and refuses what cannot be shown, saying how it can', async () => {
      const listed = JSON.parse(await running().cli('demo', '--json')) as readonly Shown[];
      assert.equal(new Set(listed.map(({ name }) => name)).size, listed.length);
      const refused = await running()
        .cli('demo', 'choreography')
        .then(
          () => assert.fail('it was shown'),
          (error: { readonly code: number; readonly stdout: string }) => error,
        );
      assert.equal(refused.code, 2);
      assert.match(refused.stdout, /ORDER_FLOW=choreography flotilla up/);
    });
};

async function play(system: RunningSystem, words: readonly string[]): Promise<readonly Shown[]> {
  // A demo that does not hold ends with 1, and has said why.
  const output = await system
    .cli('demo', ...words, '--json', '--timeout', '900')
    .catch(({ stdout, stderr }: { readonly stdout: string; readonly stderr: string }) => {
      assert.ok(stdout.startsWith('['), stderr);
      return stdout;
    });
  return JSON.parse(output) as readonly Shown[];
}

async function assertAsBefore(system: RunningSystem): Promise<void> {
  assert.deepEqual(JSON.parse(await system.cli('fault', 'list', '--json')), []);
  const states = (await system.ps()).map(({ service, state }) => `${service} ${state}`);
  assert.deepEqual(
    states.filter((line) => !line.endsWith(' Running')),
    [],
  );
  system.forgetTokens(); // carol has signed out
  await assertSound(system);
}
