import { didYouMean } from '@flotilla/kernel';
import { definePolicy } from '../../grammar/policy.ts';
import { hasName, listed } from '../../grammar/registered.ts';

export const delegatingHandlers = definePolicy({
  keys: { DelegatingHandlers: { type: 'strings', doc: 'Handlers registered in code.' } },
  read: ({ own, global, context: { handlers } }) => {
    const object = own?.has('DelegatingHandlers') ? own : global;
    const names = object?.values.DelegatingHandlers ?? [];
    for (const name of names.filter((one) => !hasName(handlers, one))) {
      const suggestion = didYouMean(name, listed(handlers));
      object?.error(
        'DelegatingHandlers',
        `${name} is not registered in code${suggestion ? `, did you mean ${suggestion}?` : ''}`,
      );
    }
    return { delegatingHandlers: names };
  },
});
