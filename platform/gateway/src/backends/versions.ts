import type { VersionConfig } from '../policies/versions/config.ts';
import type { Choose } from './balancers.ts';
import type { Candidate } from './candidate.ts';

/** One version of a service: its part of the traffic, and whose turn it is among its instances. */
export interface Version {
  readonly tag: string | undefined;
  readonly weight: number;
  readonly choose: Choose;
  /** Of smooth weighted round robin. */
  share: number;
}

export interface VersionGroup {
  readonly version: Version;
  readonly candidates: readonly Candidate[];
}

/** `everyone` serves where there are no versions. Each has turns of its own: shared ones would beat in step with the choice of the version. */
export interface Versions {
  readonly everyone: Version;
  readonly tagged: readonly Version[];
}

export function createVersions(config: readonly VersionConfig[], createChoose: () => Choose): Versions {
  return {
    everyone: { tag: undefined, weight: 1, choose: createChoose(), share: 0 },
    tagged: config.map(({ tag, weight }) => ({ tag, weight, choose: createChoose(), share: 0 })),
  };
}

/**
 * A version without usable instances leaves its share to the others, one of weight 0 gets nothing. Without any
 * instance that bears one of the tags all serve: tags that discovery does not know must not end the service.
 */
export function groupByVersion(
  candidates: readonly Candidate[],
  { everyone, tagged }: Versions,
): readonly VersionGroup[] {
  const groups = tagged.map((version) => ({
    version,
    candidates: candidates.filter(
      ({ found }) => version.tag !== undefined && found.tags.includes(version.tag),
    ),
  }));
  const peopled = groups.filter((group) => group.candidates.length > 0);
  if (peopled.length === 0) return [{ version: everyone, candidates }];
  return peopled.filter(({ version }) => version.weight > 0);
}

/** By smooth weighted round robin; `undefined` when there is no group. */
export function chooseGroup(groups: readonly VersionGroup[]): VersionGroup | undefined {
  let best = groups[0];
  if (best === undefined || groups.length === 1) return best;
  let sum = 0;
  for (const group of groups) {
    group.version.share += group.version.weight;
    sum += group.version.weight;
    if (group.version.share > best.version.share) best = group;
  }
  best.version.share -= sum;
  return best;
}
