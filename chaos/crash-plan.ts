import type { Passage } from './crash-trace.ts';

/** A place where a service is to kill itself: `relay.after-publish`, or `relay.after-publish:2` at the second pass. */
export interface Crash {
  readonly service: string;
  readonly point: string;
}

/** One flow with one crash in it, or with a second one during the recovery from the first. */
export interface CrashRun {
  readonly flow: string;
  readonly crashes: readonly Crash[];
}

/** What each flow passed when nothing went wrong. */
export type Discovered = ReadonlyMap<string, readonly Passage[]>;

/**
 * `each-point`: every point of every service once, in the first flow that passes it. `each-flow`: the first pass of
 * every point in every flow. `every-pass`: all of them, up to twelve in one flow.
 */
export type Extent = 'each-point' | 'each-flow' | 'every-pass';

/** What a poll passes again and again proves no more after so many times. */
const MOST_PASSES = 12;

export function planCrashes(discovered: Discovered, extent: Extent): readonly CrashRun[] {
  const seen = new Set<string>();
  return [...discovered].flatMap(([flow, passages]) =>
    passages
      .filter(({ service, point, occurrence }) => {
        if (extent === 'every-pass') return occurrence <= MOST_PASSES;
        const place = extent === 'each-flow' ? `${flow} ${service} ${point}` : `${service} ${point}`;
        return occurrence === 1 && !seen.has(place) && seen.add(place);
      })
      .map(({ service, point, occurrence }) => ({
        flow,
        crashes: [{ service, point: occurrence === 1 ? point : `${point}:${occurrence}` }],
      })),
  );
}

/**
 * Where promises of "exactly once" die: between an effect on somebody else and the record that it was made, and
 * between a commit and whoever is told of it.
 */
const BETWEEN_EFFECT_AND_RECORD =
  /^(relay\.after-publish|consumer\.after-commit|saga\.(after-call|after-undo|before-record-commit)|payment\.after-(provider|refund)-call|provider\.after-|order\.after-place-commit|inventory\.after-|pricing\.after-)/;

/** Every two of those places that lie on one flow, the first reached before the second or at the same place again. */
export function planPairs(discovered: Discovered): readonly CrashRun[] {
  return [...discovered].flatMap(([flow, passages]) => {
    const places = passages.filter(
      ({ point, occurrence }) => occurrence === 1 && BETWEEN_EFFECT_AND_RECORD.test(point),
    );
    return places.flatMap((first, index) =>
      places.slice(index).map((second) => ({ flow, crashes: [first, second].map(toCrash) })),
    );
  });
}

/** Points that only a recovery passes: a second crash in the first recovery that was seen to pass them. */
export function planRecoveries(
  discovered: Discovered,
  outcomes: readonly { readonly run: CrashRun; readonly passed: readonly Passage[] }[],
): readonly CrashRun[] {
  const placeOf = ({ service, point }: Crash) => `${service} ${point}`;
  const known = new Set([...discovered.values()].flat().map(placeOf));
  return outcomes
    .filter(({ run }) => run.crashes.length === 1)
    .flatMap(({ run, passed }) =>
      passed
        .filter((passage) => !known.has(placeOf(passage)) && known.add(placeOf(passage)))
        .map((passage) => ({ flow: run.flow, crashes: [...run.crashes, toCrash(passage)] })),
    );
}

function toCrash({ service, point }: Passage): Crash {
  return { service, point };
}

export function describeRun({ flow, crashes }: CrashRun): string {
  return `${flow}: ${crashes.map(({ service, point }) => `${service} at ${point}`).join(', then ')}`;
}

/** What each service is started with: after a comma comes the crash of the process that replaces the first. */
export function crashesByService(crashes: readonly Crash[]): ReadonlyMap<string, string> {
  const byService = Map.groupBy(crashes, ({ service }) => service);
  return new Map([...byService].map(([service, own]) => [service, own.map(({ point }) => point).join(',')]));
}
