import { definePolicy } from '../../grammar/policy.ts';

export const requestId = definePolicy({
  keys: {
    RequestIdKey: { type: 'string', doc: 'Header with the request id: taken from the client, else made.' },
  },
  read: ({ own, global }) => ({
    requestIdKey: (own?.values.RequestIdKey || undefined) ?? (global?.values.RequestIdKey || undefined),
  }),
});
