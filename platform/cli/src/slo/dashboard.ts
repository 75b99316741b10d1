import { BURNS } from './rules.ts';

interface Panel {
  readonly title: string;
  readonly type: 'timeseries' | 'stat';
  readonly unit: string;
  /** PromQL with its legend. */
  readonly queries: readonly (readonly [expr: string, legend: string])[];
}

const WIDTH = 24;
const HEIGHT = 8;
const DATASOURCE = { type: 'prometheus', uid: '$' + '{datasource}' };

/** How the objectives stand: for Grafana. */
export function sloDashboard(system: string, slos: readonly string[]): object {
  const budget = '1 - slo:bad_ratio:rate3d / on (slo) (1 - slo:objective:ratio)';
  const burn = (window: string) => `slo:bad_ratio:rate${window} / on (slo) (1 - slo:objective:ratio)`;
  const windows = [...new Set(BURNS.flatMap(({ short, long }) => [short, long]))];
  return dashboard(`${system}: objectives`, `${system}-slo`, [
    { title: 'Budget left (3 days)', type: 'stat', unit: 'percentunit', queries: [[budget, '{{slo}}']] },
    ...slos.map(
      (slo): Panel => ({
        title: `${slo}: how fast it uses its budget`,
        type: 'timeseries',
        unit: 'none',
        queries: windows.map((window) => [
          burn(window).replace(`rate${window}`, `rate${window}{slo="${slo}"}`),
          window,
        ]),
      }),
    ),
  ]);
}

/** What the services do: rate, errors, duration; messages, sagas, processes. */
export function serviceDashboard(system: string): object {
  const served = 'http_server_request_duration_seconds';
  const called = 'http_client_request_duration_seconds';
  const by = (metric: string, label: string) => `sum by (${label}) (rate(${metric}[$__rate_interval]))`;
  const quantile = (metric: string) =>
    `histogram_quantile(0.95, sum by (job, le) (rate(${metric}_bucket[$__rate_interval])))`;
  const lines = (title: string, unit: string, ...queries: (readonly [string, string])[]): Panel => ({
    ...{ title, unit, queries },
    type: 'timeseries',
  });
  return dashboard(`${system}: services`, `${system}-services`, [
    lines('Requests', 'reqps', [by(`${served}_count`, 'job'), '{{job}}']),
    lines('Faults', 'reqps', [by(`${served}_count{http_response_status_code=~"5.."}`, 'job'), '{{job}}']),
    lines('Duration, 95 %', 's', [quantile(served), '{{job}}']),
    lines('Calls that fail', 'reqps', [
      by(`${called}_count{error_type!=""}`, 'job, server_service'),
      '{{job}} → {{server_service}}',
    ]),
    lines('Messages', 'cps', [by('messaging_settled_total', 'job, outcome'), '{{job}} {{outcome}}']),
    lines('Age of what waits in outboxes', 's', ['messaging_outbox_oldest_age_seconds', '{{job}}']),
    lines('Dead letters', 'none', ['messaging_inbox_dead_letters', '{{consumer}}']),
    lines('Sagas that have not ended', 'none', [
      'sum by (saga_type, status) (saga_active)',
      '{{saga_type}} {{status}}',
    ]),
    lines('Resident memory', 'bytes', ['process_resident_memory_bytes', '{{job}} {{instance}}']),
    lines('Processor time', 'percentunit', [
      'rate(process_cpu_seconds_total[$__rate_interval])',
      '{{job}} {{instance}}',
    ]),
    lines('Delay of the event loop, 99 %', 's', [
      'histogram_quantile(0.99, sum by (job, le) (rate(nodejs_eventloop_delay_seconds_bucket[$__rate_interval])))',
      '{{job}}',
    ]),
    lines('Statements, 95 %', 's', [quantile('db_client_operation_duration_seconds'), '{{job}}']),
  ]);
}

function dashboard(title: string, uid: string, panels: readonly Panel[]): object {
  return {
    ...{ title, uid, schemaVersion: 39, version: 1, tags: ['flotilla'], editable: true },
    ...{ refresh: '10s', time: { from: 'now-1h', to: 'now' }, timezone: 'utc' },
    templating: {
      list: [{ name: 'datasource', label: 'Prometheus', type: 'datasource', query: 'prometheus' }],
    },
    panels: panels.map(({ type, title: name, unit, queries }, index) => ({
      ...{ id: index + 1, type, title: name, datasource: DATASOURCE },
      gridPos: {
        ...{ w: WIDTH / 2, h: HEIGHT },
        x: (index % 2) * (WIDTH / 2),
        y: Math.floor(index / 2) * HEIGHT,
      },
      fieldConfig: { defaults: { unit }, overrides: [] },
      targets: queries.map(([expr, legendFormat], at) => ({
        ...{ refId: String.fromCharCode(65 + at), expr, legendFormat },
        datasource: DATASOURCE,
      })),
    })),
  };
}
