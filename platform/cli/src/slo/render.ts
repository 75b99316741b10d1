import type { SystemConfig } from '../config.ts';
import { serviceDashboard, sloDashboard } from './dashboard.ts';
import { sloRules } from './rules.ts';

/** Where one process answers `GET /metrics`. */
export interface ScrapeTarget {
  readonly service: string;
  readonly url: string;
}

export interface RenderedFile {
  readonly name: string;
  readonly content: string;
}

/** All that Prometheus, its Alertmanager and Grafana need, as files of one folder. Alerts go to `webhook`, where one is given. */
export function renderMonitoring(
  { name, slos = {} }: Pick<SystemConfig, 'name' | 'slos'>,
  targets: readonly ScrapeTarget[],
  webhook: string | undefined,
): readonly RenderedFile[] {
  return [
    { name: 'rules.yml', content: toYaml({ groups: sloRules(slos) }) },
    { name: 'prometheus.yml', content: toYaml(prometheusConfig(webhook !== undefined)) },
    { name: 'targets.json', content: toJson(targetGroups(targets)) },
    ...(webhook === undefined
      ? []
      : [{ name: 'alertmanager.yml', content: toYaml(alertmanagerConfig(webhook)) }]),
    { name: 'grafana-slo.json', content: toJson(sloDashboard(name, Object.keys(slos))) },
    { name: 'grafana-services.json', content: toJson(serviceDashboard(name)) },
  ];
}

/** Targets are read anew when their file changes: it can be written again after each start. */
function prometheusConfig(hasAlertmanager: boolean): object {
  return {
    global: { scrape_interval: '15s', evaluation_interval: '15s' },
    rule_files: ['rules.yml'],
    ...(hasAlertmanager && {
      alerting: { alertmanagers: [{ static_configs: [{ targets: ['127.0.0.1:9093'] }] }] },
    }),
    scrape_configs: [
      { job_name: 'flotilla', file_sd_configs: [{ files: ['targets.json'], refresh_interval: '30s' }] },
    ],
  };
}

/** `job` is the name of the service, as it is when metrics come by OTLP. */
function targetGroups(targets: readonly ScrapeTarget[]): object {
  return targets.map(({ service, url }) => ({ targets: [new URL(url).host], labels: { job: service } }));
}

/** Pages at once, tickets with others. A page makes the ticket of the same objective superfluous. */
function alertmanagerConfig(webhook: string): object {
  return {
    route: {
      receiver: 'webhook',
      group_by: ['slo', 'severity'],
      group_wait: '10s',
      routes: [
        { matchers: ['severity="ticket"'], receiver: 'webhook', group_wait: '10m', repeat_interval: '1d' },
      ],
    },
    inhibit_rules: [
      { source_matchers: ['severity="page"'], target_matchers: ['severity="ticket"'], equal: ['slo'] },
    ],
    receivers: [{ name: 'webhook', webhook_configs: [{ url: webhook, send_resolved: true }] }],
  };
}

function toJson(value: object): string {
  return `${JSON.stringify(value, null, 2)}\n`;
}

/** Plain data as YAML; texts in double quotes, which mean the same as in JSON. */
export function toYaml(value: unknown, indent = ''): string {
  if (Array.isArray(value)) {
    if (value.length === 0) return `${indent}[]\n`;
    return value.map((item) => `${indent}- ${toYaml(item, `${indent}  `).trimStart()}`).join('');
  }
  if (typeof value !== 'object' || value === null) return `${indent}${JSON.stringify(value)}\n`;
  return Object.entries(value)
    .map(([key, held]) =>
      typeof held === 'object' && held !== null && Object.keys(held).length > 0
        ? `${indent}${key}:\n${toYaml(held, `${indent}  `)}`
        : `${indent}${key}: ${JSON.stringify(held)}\n`,
    )
    .join('');
}
