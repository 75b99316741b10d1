import { definePolicy } from '../../grammar/policy.ts';

export const metadata = definePolicy({
  keys: {
    Metadata: {
      type: 'map',
      of: 'any',
      doc: 'For handlers in code, as texts: objects and lists as their JSON. The route wins over the global ones.',
    },
  },
  read: ({ own, global }) => ({
    metadata: joinMaps(textsOf(global?.values.Metadata), textsOf(own?.values.Metadata)),
  }),
});

const NONE: ReadonlyMap<string, string> = new Map<string, string>();

function textsOf(values: ReadonlyMap<string, unknown> | undefined): ReadonlyMap<string, string> | undefined {
  return (
    values &&
    new Map(
      [...values].map(([key, value]) => [key, typeof value === 'string' ? value : JSON.stringify(value)]),
    )
  );
}

function joinMaps(
  global: ReadonlyMap<string, string> | undefined,
  own: ReadonlyMap<string, string> | undefined,
): ReadonlyMap<string, string> {
  if (global === undefined || own === undefined) return global ?? own ?? NONE;
  return new Map([...global, ...own]);
}
