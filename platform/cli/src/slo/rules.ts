import { type Selector, type SloConfig, sourceOf } from './objectives.ts';

export interface RuleGroup {
  readonly name: string;
  readonly rules: readonly Rule[];
}

export type Rule =
  | { readonly record: string; readonly expr: string; readonly labels: Readonly<Record<string, string>> }
  | {
      readonly alert: string;
      readonly expr: string;
      readonly labels: Readonly<Record<string, string>>;
      readonly annotations: Readonly<Record<string, string>>;
    };

/**
 * How fast a budget of 30 days may be used: over a long window, so that little is not taken for much, and a short one, so that the alert ends
 * with the trouble. At 14.4 times, an hour takes 2 % of the budget; these are the four of Google's SRE workbook.
 */
export const BURNS = [
  { severity: 'page', factor: 14.4, long: '1h', short: '5m' },
  { severity: 'page', factor: 6, long: '6h', short: '30m' },
  { severity: 'ticket', factor: 3, long: '1d', short: '2h' },
  { severity: 'ticket', factor: 1, long: '3d', short: '6h' },
] as const;

const WINDOWS = ['5m', '30m', '1h', '2h', '6h', '1d', '3d'] as const;

/** A group of rules for each objective: the part that was bad by window, and an alert for each way to burn the budget. */
export function sloRules(slos: Readonly<Record<string, SloConfig>>): readonly RuleGroup[] {
  return Object.entries(slos).map(([name, slo]) => ({
    name: `slo-${name}`,
    rules: [
      { record: 'slo:objective:ratio', expr: `vector(${slo.objective})`, labels: { slo: name } },
      ...WINDOWS.map((window) => ({
        record: `slo:bad_ratio:rate${window}`,
        expr: badRatio(slo, window),
        labels: { slo: name },
      })),
      ...BURNS.map((burn) => burnAlert(name, slo, burn)),
    ],
  }));
}

function burnAlert(
  name: string,
  { objective, description }: SloConfig,
  { severity, factor, long, short }: (typeof BURNS)[number],
): Rule {
  const most = Number((factor * (1 - objective)).toPrecision(6));
  const over = (window: string) => `slo:bad_ratio:rate${window}{slo="${name}"} > ${most}`;
  return {
    alert: 'SloBudgetBurns',
    expr: `${over(long)} and ${over(short)}`,
    labels: { severity, slo: name, window: long },
    annotations: {
      summary: `${name} uses its budget ${factor} times too fast`,
      description: `${description} {{ $value | humanizePercentage }} were bad over ${long}, of ${percent(1 - objective)} that may be over 30 days.`,
    },
  };
}

/** The part that was bad. Nothing where nothing happened. */
function badRatio(slo: SloConfig, window: string): string {
  const source = sourceOf(slo);
  if (source.kind === 'level') {
    const isBad = `max(${selectorText(source.of)}) > bool ${source.above}`;
    return `avg_over_time((${isBad})[${window}:30s])`;
  }
  const all = sum(source.all, window);
  const bad = 'bad' in source ? sum(source.bad, window) : `(${all} - ${sum(source.good, window)})`;
  return `${bad} / (${all} > 0)`;
}

/** 0 where there is no series yet, so that a sum with others is not lost. */
function sum(selectors: readonly Selector[], window: string): string {
  const terms = selectors.map((one) => `(sum(rate(${selectorText(one)}[${window}])) or vector(0))`);
  return terms.length === 1 ? terms.join('') : `(${terms.join(' + ')})`;
}

function selectorText({ metric, labels }: Selector): string {
  const matchers = Object.entries(labels).map(([name, value]) =>
    isPattern(value) ? `${name}=~${JSON.stringify(value.slice(1, -1))}` : `${name}=${JSON.stringify(value)}`,
  );
  return matchers.length === 0 ? metric : `${metric}{${matchers.join(',')}}`;
}

export function isPattern(value: string): boolean {
  return value.length > 1 && value.startsWith('/') && value.endsWith('/');
}

function percent(ratio: number): string {
  return `${Number((ratio * 100).toPrecision(3))} %`;
}
