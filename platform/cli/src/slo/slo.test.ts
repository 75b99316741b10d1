import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { defineSystem } from '../config.ts';
import { measureSlos, parseSamples } from './measure.ts';
import type { SloConfig } from './objectives.ts';
import { renderMonitoring, toYaml } from './render.ts';

const WORKS = { description: 'It works.' };

const SLOS: Readonly<Record<string, SloConfig>> = {
  availability: { ...WORKS, indicator: 'availability', service: 'gateway', objective: 0.999 },
  latency: { ...WORKS, indicator: 'latency', service: 'gateway', withinSeconds: 0.5, objective: 0.99 },
  orders: { ...WORKS, indicator: 'sagas-in-time', sagas: ['order'], withinSeconds: 30, objective: 0.999 },
  messages: { ...WORKS, indicator: 'messages-handled', objective: 0.9999 },
  outbox: { ...WORKS, indicator: 'outbox-age', withinSeconds: 10, objective: 0.999 },
};

const SCRAPE = `# HELP x y
http_server_request_duration_seconds_bucket{http_route="/a \\"b\\"",http_response_status_code="200",le="0.5"} 90
http_server_request_duration_seconds_count{http_route="/a \\"b\\"",http_response_status_code="200"} 99
http_server_request_duration_seconds_count{http_route="/a",http_response_status_code="503"} 1
saga_duration_seconds_bucket{saga_type="order",status="completed",le="30.0"} 8
saga_duration_seconds_count{saga_type="order",status="completed"} 9
saga_stuck_total{saga_type="order",saga_step="charge"} 1
messaging_settled_total{consumer="cart",outcome="handled"} 5
messaging_settled_total{consumer="cart",outcome="retry"} 3
messaging_outbox_oldest_age_seconds 11
`;

describe('how objectives stand', () => {
  it('is read off what processes have counted', () => {
    const states = measureSlos(SLOS, [...parseSamples(SCRAPE, 'gateway'), ...parseSamples('a 1\n', 'other')]);
    assert.deepEqual(
      states.map(({ name, events, good }) => [name, events, good]),
      [
        ['availability', 100, 0.99],
        ['latency', 100, 0.9],
        ['orders', 10, 0.8],
        ['messages', 5, 1],
        ['outbox', null, 0],
      ],
    );
    assert.ok(Math.abs((states[0]?.budgetLeft ?? 0) - -9) < 1e-9);
  });

  it('is unknown while nothing has happened', () => {
    const states = measureSlos(SLOS, []);
    assert.deepEqual(
      states.map(({ good, budgetLeft }) => [good, budgetLeft]),
      Object.keys(SLOS).map(() => [null, null]),
    );
  });
});

describe('objectives that cannot be measured', () => {
  const declare = (slo: Partial<SloConfig>) => () =>
    defineSystem({
      name: 'shop',
      services: { gateway: { entry: 'main.ts' } },
      slos: { one: { ...SLOS['availability'], ...slo } as SloConfig },
    });
  it('are refused where they are declared', () => {
    declare({})();
    assert.throws(declare({ objective: 1 }), /slo one: objective must be between/);
    assert.throws(declare({ service: 'nobody' } as Partial<SloConfig>), /there is no service nobody/);
    assert.throws(declare({ description: ' ' }), /description is empty/);
    assert.throws(declare({ indicator: 'latency', withinSeconds: 0 } as Partial<SloConfig>), /above 0/);
  });
});

const hasPromtool = spawnSync('promtool', ['--version']).status === 0;

describe('the rendered rules', { skip: hasPromtool ? false : 'promtool is not installed' }, () => {
  let folder: string;
  before(async () => {
    folder = await mkdtemp(join(tmpdir(), 'flotilla-slo-'));
    const targets = [{ service: 'gateway', url: 'http://127.0.0.1:9000' }];
    for (const { name, content } of renderMonitoring(
      { name: 'shop', slos: SLOS },
      targets,
      'http://127.0.0.1:1/alerts',
    ))
      await writeFile(join(folder, name), content);
  });
  after(() => rm(folder, { recursive: true }));

  const promtool = (...args: readonly string[]) => {
    const { status, stdout, stderr } = spawnSync('promtool', args, { cwd: folder, encoding: 'utf8' });
    return { status, text: `${stdout}${stderr}` };
  };

  it('are taken by Prometheus, with nothing to say about them', () => {
    const { status, text } = promtool('check', 'rules', '--lint-fatal', 'rules.yml');
    assert.equal(status, 0, text);
    assert.match(text, /SUCCESS: 60 rules found/);
    assert.equal(promtool('check', 'config', '--syntax-only', 'prometheus.yml').status, 0);
  });

  /** What each kind of trouble looks like, a minute a sample, and the objective whose page it must be. */
  const TROUBLES: Readonly<Record<string, readonly (readonly [series: string, values: string])[]>> = {
    availability: [
      [
        'http_server_request_duration_seconds_count{job="gateway",http_response_status_code="200"}',
        '0+95x200',
      ],
      [
        'http_server_request_duration_seconds_count{job="gateway",http_response_status_code="503"}',
        '0+5x200',
      ],
      ['http_server_request_duration_seconds_bucket{job="gateway",le="0.5"}', '0+100x200'],
    ],
    latency: [
      [
        'http_server_request_duration_seconds_count{job="gateway",http_response_status_code="200"}',
        '0+100x200',
      ],
      ['http_server_request_duration_seconds_bucket{job="gateway",le="0.5"}', '0+50x200'],
    ],
    orders: [
      ['saga_duration_seconds_count{saga_type="order"}', '0+100x200'],
      ['saga_duration_seconds_bucket{saga_type="order",le="30.0"}', '0+90x200'],
    ],
    messages: [
      ['messaging_settled_total{job="cart",outcome="handled"}', '0+100x200'],
      ['messaging_settled_total{job="cart",outcome="dead-letter"}', '0+1x200'],
    ],
    outbox: [['messaging_outbox_oldest_age_seconds{job="order"}', '20x200']],
  };

  for (const [name, series] of Object.entries(TROUBLES))
    it(`page when ${name} is in trouble, and only then`, async () => {
      await writeFile(join(folder, 'trouble.yml'), toYaml(ruleTest(name, series)));
      const { status, text } = promtool('test', 'rules', 'trouble.yml');
      assert.equal(status, 0, text);
    });

  it('fire at the first stuck order: its counter was there before', async () => {
    const series = [
      ['saga_duration_seconds_count{saga_type="order"}', '0x100'],
      ['saga_stuck_total{saga_type="order",saga_step="charge"}', '0x90 1x10'],
    ] as const;
    await writeFile(join(folder, 'stuck.yml'), toYaml(ruleTest('orders', series, '95m')));
    const { status, text } = promtool('test', 'rules', 'stuck.yml');
    assert.equal(status, 0, text);
  });
});

/** As promtool reads it: those of `name` burn, and of the others none. */
function ruleTest(name: string, series: readonly (readonly [string, string])[], at = '90m'): object {
  const firing = (matchers: string) =>
    `count(ALERTS{alertname="SloBudgetBurns",alertstate="firing",severity="page",${matchers}}) > bool 0`;
  const burning = { expr: firing(`slo="${name}"`), eval_time: at, exp_samples: [{ labels: '{}', value: 1 }] };
  const others = { expr: firing(`slo!="${name}"`), eval_time: at, exp_samples: [] };
  return {
    rule_files: ['rules.yml'],
    evaluation_interval: '1m',
    tests: [
      {
        interval: '1m',
        input_series: series.map(([text, values]) => ({ series: text, values })),
        promql_expr_test: [burning, others],
      },
    ],
  };
}
