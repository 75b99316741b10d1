import { mkdir, writeFile } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { type Command, flag, type Invocation, JSON_OPTION, text } from '../../command-line/command.ts';
import { DATA_DIR_OPTION, placeOf } from '../../command-line/place.ts';
import { FOLDER, textOf } from '../../command-line/value-kinds.ts';
import type { SystemConfig } from '../../config.ts';
import { connectControl } from '../../control/client.ts';
import { findRoot, loadSystem } from '../../load-system.ts';
import { table } from '../../screen/table.ts';
import { measureSlos, type SloState } from '../../slo/measure.ts';
import { renderMonitoring } from '../../slo/render.ts';
import { type ProcessTarget, scrape, scrapeTargets } from '../../slo/scrape.ts';

const render: Command = {
  name: 'render',
  summary: 'writes the rules and targets of Prometheus, the alerts, and the dashboards of Grafana',
  options: {
    out: { kind: FOLDER, help: 'where the files go (default: monitoring)' },
    webhook: {
      kind: textOf('url'),
      help: 'where alerts are sent: writes a configuration of Alertmanager, too',
    },
    ...JSON_OPTION,
    ...DATA_DIR_OPTION,
  },
  example: 'slo render --out monitoring',
  run: async (invocation) => {
    const { values, cwd } = invocation;
    const system = await loadSystem(findRoot(cwd));
    const folder = resolve(cwd, text(values, 'out') ?? 'monitoring');
    const files = renderMonitoring(system, await targetsOf(invocation, system), text(values, 'webhook'));
    await mkdir(folder, { recursive: true });
    for (const { name, content } of files) await writeFile(join(folder, name), content);
    const paths = files.map(({ name }) => join(folder, name));
    console.log(flag(values, 'json') ? JSON.stringify(paths) : paths.join('\n'));
    return 0;
  },
};

export const slo: Command = {
  name: 'slo',
  summary: 'shows how the objectives of the system stand, since its processes were started',
  options: { ...JSON_OPTION, ...DATA_DIR_OPTION },
  example: 'slo --json',
  commands: [render],
  run: async (invocation) => {
    const system = await loadSystem(findRoot(invocation.cwd));
    const scraped = await Promise.all((await connectedTargets(invocation, system)).map(scrape));
    for (const { service, why } of scraped)
      if (why !== undefined) console.error(`${service} does not answer: ${why}`);
    const samples = scraped.flatMap((one) => one.samples);
    const states = measureSlos(system.slos ?? {}, samples);
    console.log(flag(invocation.values, 'json') ? JSON.stringify(states, null, 2) : sloTable(states));
    return 0;
  },
};

async function connectedTargets(
  invocation: Invocation,
  { services }: SystemConfig,
): Promise<readonly ProcessTarget[]> {
  return scrapeTargets(await connectControl(placeOf(invocation)).instances(), services);
}

/** None when nothing runs: the files are written all the same. */
async function targetsOf(invocation: Invocation, system: SystemConfig): Promise<readonly ProcessTarget[]> {
  try {
    return await connectedTargets(invocation, system);
  } catch {
    console.error('Nothing is running: targets.json is empty.');
    return [];
  }
}

function sloTable(states: readonly SloState[]): string {
  if (states.length === 0) return 'The configuration has no slos.';
  const rows = states.map(({ name, objective, events, good, budgetLeft }) => [
    name,
    percent(objective),
    good === null ? '-' : percent(good),
    events === null ? '-' : String(events),
    budgetLeft === null ? '-' : percent(budgetLeft),
  ]);
  return table([['OBJECTIVE', 'WANTED', 'GOOD', 'EVENTS', 'BUDGET LEFT'], ...rows]);
}

function percent(ratio: number): string {
  return `${Number((ratio * 100).toFixed(3))} %`;
}
