import { definePolicy } from '../../grammar/policy.ts';
import { isToken } from '../../wire/rules/characters.ts';

/** Cookies that go on to the back end, by name. */
export interface ForwardedCookies {
  readonly names: ReadonlySet<string>;
  /** Beginnings of names. */
  readonly prefixes: readonly string[];
}

export const cookies = definePolicy({
  keys: {
    ForwardedCookies: {
      type: 'strings',
      own: true,
      doc: 'Names of the cookies that go on to the back end, `*` at the end for the rest of a name; all others are taken out. Default: all go on; `[]`: none does.',
    },
  },
  read: ({ own, global }): { readonly forwardedCookies: ForwardedCookies | undefined } => {
    const object = own?.has('ForwardedCookies') ? own : global;
    const patterns = object?.values.ForwardedCookies;
    if (patterns === undefined) return { forwardedCookies: undefined };
    const names = new Set<string>();
    const prefixes: string[] = [];
    for (const pattern of patterns) {
      const isPrefix = pattern.endsWith('*');
      const name = isPrefix ? pattern.slice(0, -1) : pattern;
      if (!isToken(name) || name.includes('*'))
        object?.error('ForwardedCookies', `${JSON.stringify(pattern)} is no name of a cookie`);
      else if (isPrefix) prefixes.push(name);
      else names.add(name);
    }
    return { forwardedCookies: { names, prefixes } };
  },
});
