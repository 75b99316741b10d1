import { mkdir, writeFile } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { toError } from '@flotilla/kernel';
import { type Command, flag, type Invocation, JSON_OPTION, text } from '../../command-line/command.ts';
import { DATA_DIR_OPTION, placeOf } from '../../command-line/place.ts';
import { FOLDER, textOf } from '../../command-line/value-kinds.ts';
import type { SystemConfig } from '../../config.ts';
import { connectControl } from '../../control/client.ts';
import { findRoot, loadSystem } from '../../load-system.ts';
import { table } from '../../screen/table.ts';
import { measureSlos, parseSamples, type Sample, type SloState } from '../../slo/measure.ts';
import { renderMonitoring, type ScrapeTarget } from '../../slo/render.ts';

const SCRAPE_MS = 5_000;

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
    const states = measureSlos(system.slos ?? {}, scraped.flat());
    console.log(flag(invocation.values, 'json') ? JSON.stringify(states, null, 2) : sloTable(states));
    return 0;
  },
};

async function connectedTargets(
  invocation: Invocation,
  { services }: SystemConfig,
): Promise<readonly ScrapeTarget[]> {
  const instances = await connectControl(placeOf(invocation)).instances();
  return instances.flatMap(({ service, url, admin }) => {
    const at = admin ?? url;
    return at === null || services[service] === undefined ? [] : [{ service, url: at }];
  });
}

/** None when nothing runs: the files are written all the same. */
async function targetsOf(invocation: Invocation, system: SystemConfig): Promise<readonly ScrapeTarget[]> {
  try {
    return await connectedTargets(invocation, system);
  } catch {
    console.error('Nothing is running: targets.json is empty.');
    return [];
  }
}

/** A process that does not answer counts for nothing, and is named. */
async function scrape({ service, url }: ScrapeTarget): Promise<readonly Sample[]> {
  try {
    const answer = await fetch(`${url}/metrics`, { signal: AbortSignal.timeout(SCRAPE_MS) });
    return answer.ok ? parseSamples(await answer.text(), service) : [];
  } catch (error) {
    console.error(`${service} does not answer: ${toError(error).message}`);
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
