import type { GatewayConfig } from '../model.ts';
import { type Candidate, orderCandidates } from './candidates.ts';
import { covers } from './coverage.ts';
import { createRouteIndex } from './route-index.ts';

/** Stands for any value of a placeholder: no literal has it. */
const ANY = '\u0001';

/** A line for each route whose every request is taken by an earlier one. Never a false one; not all are found. */
export function findShadowed(config: GatewayConfig): readonly string[] {
  const candidates = orderCandidates(config);
  const byHost = Map.groupBy(candidates, ({ match }) => match.upstreamHost);
  const indexes = new Map([...byHost].map(([host, group]) => [host, createRouteIndex(group)]));
  return candidates
    .map((candidate) => ({ candidate, by: findCover(candidate) }))
    .filter(({ by }) => by !== undefined)
    .sort((one, other) => one.candidate.position - other.candidate.position)
    .map(({ candidate, by }) => {
      const reason = by && reasonOf(candidate, by);
      return `${placeOf(candidate)}: ${candidate.match.name} can never be reached, ${by && placeOf(by)} (${by?.match.name}) takes all its requests${reason}`;
    });

  function findCover(candidate: Candidate): Candidate | undefined {
    let found: Candidate | undefined;
    const path = examplePath(candidate);
    // Those of other hosts take none of its requests, and those without a host are tried later.
    indexes.get(candidate.match.upstreamHost)?.candidates(path, (others) => {
      for (const other of others) {
        if (other.rank >= (found ?? candidate).rank) return;
        if (!covers(other, candidate)) continue;
        found = other;
        return;
      }
    });
    return found;
  }

  function placeOf({ found, position }: Candidate): string {
    return found.kind === 'route' ? `Routes[${position}]` : `Aggregates[${position - config.routes.length}]`;
  }
}

function reasonOf(candidate: Candidate, by: Candidate): string {
  if (by.match.priority > candidate.match.priority) return ': it has the higher Priority';
  return by.position < candidate.position ? ': it comes first, or give this one a higher Priority' : '';
}

/** A path that only templates match which take every value of the placeholders. */
function examplePath({ template: { segments, rest } }: Candidate): string {
  const texts = segments.map(({ literals }) => literals.join(ANY));
  const all = rest === undefined ? texts : [...texts, rest.literals.join(ANY)];
  return `/${all.join('/')}`.toLowerCase();
}
