import { definePolicy } from '../../grammar/policy.ts';

const DEFAULT_SECONDS = 300;

export const silence = definePolicy({
  keys: {
    SilenceTimeout: {
      type: 'integer',
      minimum: 0,
      default: DEFAULT_SECONDS,
      own: true,
      doc: 'An answer that has begun (an event stream, too) may be silent for so long, s; 0 = no limit. gRPC has none: its connection is asked for signs of life.',
    },
  },
  read: ({ own, global }): { readonly silenceMs: number } => {
    const seconds = own?.values.SilenceTimeout ?? global?.values.SilenceTimeout ?? DEFAULT_SECONDS;
    return { silenceMs: seconds === 0 ? Number.POSITIVE_INFINITY : seconds * 1_000 };
  },
});
