import { definePolicy } from '../../grammar/policy.ts';

export const metadata = definePolicy({
  keys: {
    Metadata: {
      type: 'map',
      of: 'string',
      doc: 'Texts for handlers in code; the route wins over the global ones.',
    },
  },
  read: ({ own, global }) => ({ metadata: joinMaps(global?.values.Metadata, own?.values.Metadata) }),
});

const NONE: ReadonlyMap<string, string> = new Map<string, string>();

function joinMaps(
  global: ReadonlyMap<string, string> | undefined,
  own: ReadonlyMap<string, string> | undefined,
): ReadonlyMap<string, string> {
  if (global === undefined || own === undefined) return global ?? own ?? NONE;
  return new Map([...global, ...own]);
}
