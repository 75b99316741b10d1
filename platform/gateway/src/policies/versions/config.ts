import { definePolicy } from '../../grammar/policy.ts';
import type { ConfigObject, SectionShape } from '../../grammar/shape.ts';

/** Versions of one service by discovery tag: `{ tag: 'v2', weight: 10 }`. */
export interface VersionConfig {
  readonly tag: string;
  readonly weight: number;
}

const VERSION = {
  Tag: { type: 'string', required: true, own: true, doc: 'Discovery tag of the instances.' },
  Weight: { type: 'number', minimum: 0, default: 1, own: true, doc: 'Share of requests.' },
} as const satisfies SectionShape;

/** Of static routes. */
export const versions = definePolicy({
  keys: {
    Versions: {
      type: 'objects',
      shape: VERSION,
      own: true,
      doc: 'Versions of the service by tag, with weights.',
    },
  },
  read: ({ own }) => ({ versions: readVersions(own?.values.Versions) }),
});

function readVersions(
  entries: readonly ConfigObject<typeof VERSION>[] | undefined,
): readonly VersionConfig[] {
  return (entries ?? []).map((entry) => {
    const tag = entry.values.Tag ?? '';
    if (tag === '') entry.error('Tag', 'must be given');
    return { tag, weight: entry.values.Weight ?? 1 };
  });
}
