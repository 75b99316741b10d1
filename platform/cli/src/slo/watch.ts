import type { SloRow } from '@flotilla/console';
import { isSelected, measureSlo, measureSlos, type Sample } from './measure.ts';
import { type Selector, type SloConfig, sourceOf } from './objectives.ts';
import { BURNS } from './rules.ts';
import type { Scraped } from './scrape.ts';

/** Objectives over time, from what processes have counted when they were asked. */
export interface SloWatch {
  take(scraped: readonly Scraped[], nowMs: number): void;
  states(): readonly SloRow[];
}

/** How far back it looks; what is older counts for the budget alone. */
const KEPT_MS = 6 * 3_600_000;
const WINDOWS_S = [300, 3_600, 21_600] as const;
const SECONDS: Readonly<Record<string, number>> = { '5m': 300, '30m': 1_800, '1h': 3_600, '6h': 21_600 };

interface Moment {
  readonly atMs: number;
  /** By the name of the objective, since the watch began. */
  readonly counts: Readonly<Record<string, Count>>;
}

interface Count {
  readonly events: number;
  readonly good: number;
}

const NOTHING: Count = { events: 0, good: 0 };

/** A process that was started again counts from nothing: what it has counted since is added. */
export function createSloWatch(slos: Readonly<Record<string, SloConfig>>): SloWatch {
  const selectors = Object.values(slos).flatMap(selectorsOf);
  const grown = new Map<string, { last: number; total: number; readonly sample: Sample }>();
  let newest: readonly Sample[] = [];
  let moments: readonly Moment[] = [];

  function grow(instance: string, sample: Sample): void {
    const key = JSON.stringify([instance, sample.metric, sample.labels]);
    const known = grown.get(key);
    if (known === undefined) {
      // What came before the first look may be days old; what a process counts that came later is all new.
      const isLate = moments.length > 0;
      grown.set(key, { last: sample.value, total: isLate ? sample.value : 0, sample });
      return;
    }
    known.total += sample.value >= known.last ? sample.value - known.last : sample.value;
    known.last = sample.value;
  }

  function count(slo: SloConfig, name: string): Count {
    if (sourceOf(slo).kind === 'level') {
      const before = moments.at(-1)?.counts[name] ?? NOTHING;
      const { good } = measureSlo(slo, newest);
      return good === null ? before : { events: before.events + 1, good: before.good + good };
    }
    const samples = [...grown.values()].map(({ sample, total }) => ({ ...sample, value: total }));
    const { events, good } = measureSlo(slo, samples);
    return { events: events ?? 0, good: (events ?? 0) * (good ?? 1) };
  }

  /** How many times too fast the budget was used in the last so many seconds; `null` when nothing happened. */
  function burnOver(name: string, objective: number, seconds: number): number | null {
    const last = moments.at(-1);
    const first = last && moments.find(({ atMs }) => atMs >= last.atMs - seconds * 1_000);
    if (last === undefined || first === undefined) return null;
    const now = last.counts[name] ?? NOTHING;
    const then = first.counts[name] ?? NOTHING;
    const events = now.events - then.events;
    if (events <= 0) return null;
    return Math.max(0, 1 - (now.good - then.good) / events) / (1 - objective);
  }

  function alertOf(name: string, objective: number): SloRow['alert'] {
    const isOver = (window: string, factor: number) => {
      const seconds = SECONDS[window];
      return seconds !== undefined && (burnOver(name, objective, seconds) ?? 0) > factor;
    };
    const burning = BURNS.find(({ long, short, factor }) => isOver(long, factor) && isOver(short, factor));
    return burning?.severity ?? null;
  }

  return {
    take: (scraped, nowMs) => {
      newest = scraped.flatMap(({ samples }) => samples);
      for (const { instance, samples } of scraped)
        for (const sample of samples)
          if (selectors.some((one) => isSelected(sample, one))) grow(instance, sample);
      const counts = Object.fromEntries(Object.entries(slos).map(([name, slo]) => [name, count(slo, name)]));
      moments = [...moments.filter(({ atMs }) => atMs >= nowMs - KEPT_MS), { atMs: nowMs, counts }];
    },
    states: () =>
      measureSlos(slos, newest).map((state) => ({
        ...state,
        burns: WINDOWS_S.map((seconds) => ({
          seconds,
          rate: burnOver(state.name, state.objective, seconds),
        })),
        alert: alertOf(state.name, state.objective),
      })),
  };
}

function selectorsOf(slo: SloConfig): readonly Selector[] {
  const source = sourceOf(slo);
  if (source.kind === 'level') return [source.of];
  return [...source.all, ...('good' in source ? source.good : source.bad)];
}
