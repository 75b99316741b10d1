import assert from 'node:assert/strict';
import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { after, before, it } from 'node:test';
import { eventually } from '@flotilla/kernel/testing';
import type { RunningSystem } from './running-system.ts';

const PROMETHEUS = 'prometheus';
const ALERTMANAGER = 'prometheus-alertmanager';
const noPrometheus = spawnSync(PROMETHEUS, ['--version']).error ? 'prometheus is not installed' : false;
/** Its templates lie where Debian puts them. */
const hasAlertmanager =
  !spawnSync(ALERTMANAGER, ['--version']).error && existsSync('/usr/share/prometheus/alertmanager');

interface Alert {
  readonly status?: string;
  readonly labels: Readonly<Record<string, string>>;
}

/** Prometheus scrapes the running shop with the rules that `flotilla slo render` writes; what fires arrives at a webhook. */
export const alerting = (running: () => RunningSystem) => (): void => {
  const processes: ChildProcess[] = [];
  const alerts: Alert[] = [];
  let folder: string;
  let receiver: Server;
  let output = '';

  before(async () => {
    folder = await mkdtemp(join(tmpdir(), 'flotilla-alerting-'));
    // The webhook, and where there is no Alertmanager also what Prometheus would send to it.
    receiver = createServer(async (request, response) => {
      const body = JSON.parse((await text(request)) || '[]') as
        | readonly Alert[]
        | { readonly alerts: readonly Alert[] };
      alerts.push(...('alerts' in body ? body.alerts : body));
      response.end();
    }).listen(0, '127.0.0.1');
    await once(receiver, 'listening');
  });
  after(async () => {
    for (const child of processes) {
      child.kill('SIGTERM');
      if (child.exitCode === null && child.signalCode === null) await once(child, 'exit');
    }
    receiver.close();
    receiver.closeAllConnections();
    await rm(folder, { recursive: true, force: true });
  });

  function start(command: string, ...args: readonly string[]): void {
    const child = spawn(command, args, { cwd: folder, stdio: ['ignore', 'pipe', 'pipe'] });
    const collect = (chunk: Buffer) => {
      output += chunk.toString();
    };
    child.stdout.on('data', collect);
    child.stderr.on('data', collect);
    processes.push(child);
  }

  /** As it is written, with looks each second instead of every 15. */
  async function quicken(name: string, changes: readonly (readonly [string, string])[]): Promise<void> {
    const file = join(folder, name);
    let content = await readFile(file, 'utf8');
    for (const [was, is] of changes) {
      assert.ok(content.includes(was), `${name} has ${was}`);
      content = content.replaceAll(was, is);
    }
    await writeFile(file, content);
  }

  it('has an objective that is missed fire, and say so at the webhook', { skip: noPrometheus }, async () => {
    const system = running();
    const { port: hook } = receiver.address() as AddressInfo;
    const [metricsPort, managerPort] = [await freePort(), await freePort()];
    await system.cli('slo', 'render', '--out', folder, '--webhook', `http://127.0.0.1:${hook}/`);
    await quicken('prometheus.yml', [
      ['15s', '1s'],
      ['127.0.0.1:9093', `127.0.0.1:${hasAlertmanager ? managerPort : hook}`],
    ]);
    if (hasAlertmanager) {
      await quicken('alertmanager.yml', [['group_wait: "10s"', 'group_wait: "1s"']]);
      start(
        ALERTMANAGER,
        ...['--config.file=alertmanager.yml', `--web.listen-address=127.0.0.1:${managerPort}`],
        ...['--cluster.listen-address=', `--storage.path=${join(folder, 'manager')}`],
      );
    }
    start(
      PROMETHEUS,
      ...['--config.file=prometheus.yml', `--storage.tsdb.path=${join(folder, 'data')}`],
      ...[
        `--web.listen-address=127.0.0.1:${metricsPort}`,
        '--web.console.templates=.',
        '--web.console.libraries=.',
      ],
    );
    const ask = async <T>(path: string): Promise<T> => {
      const answer = await fetch(`http://127.0.0.1:${metricsPort}/api/v1/${path}`);
      return ((await answer.json()) as { readonly data: T }).data;
    };

    type Targets = {
      readonly activeTargets: readonly { readonly health: string; readonly lastError: string }[];
    };
    const expected = (await system.ps()).filter(({ url }) => url !== null).length;
    await eventually(
      'every process is scraped',
      async () => {
        const { activeTargets } = await ask<Targets>('targets').catch((): Targets => ({ activeTargets: [] }));
        return activeTargets.length > expected / 2 && activeTargets.every(({ health }) => health === 'up');
      },
      60_000,
    ).catch((error: unknown) => assert.fail(`${String(error)}\n${output}`));

    type Found = { readonly alerts: readonly (Alert & { readonly state: string })[] };
    const before = (await ask<Found>('alerts')).alerts.filter(
      ({ labels }) => labels['slo'] === 'availability',
    );
    assert.deepEqual(before, [], 'nothing is wrong yet');
    await system.cli('stop', 'recommendation');
    const page = await eventually(
      'the objective of availability fires',
      async () => {
        for (let count = 0; count < 20; count += 1)
          await system.call('GET', `/recommendations?basket=${randomUUID()}`);
        const { alerts: found } = await ask<Found>('alerts');
        return found.find(({ state, labels }) => state === 'firing' && labels['slo'] === 'availability');
      },
      60_000,
    );
    assert.equal(page.labels['alertname'], 'SloBudgetBurns');
    assert.equal(page.labels['severity'], 'page');
    await eventually(
      'somebody is told',
      () => alerts.some(({ labels }) => labels['slo'] === 'availability' && labels['severity'] === 'page'),
      30_000,
    ).catch((error: unknown) => assert.fail(`${String(error)}\n${output}`));
    await system.cli('start', 'recommendation');
  });
};

async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  server.close();
  await once(server, 'close');
  return port;
}
