import { definePolicy } from '../../grammar/policy.ts';

const DEFAULT_BYTES = 30_000_000;

export const bodySize = definePolicy({
  keys: {
    MaxRequestBodySize: {
      type: 'integer',
      minimum: 0,
      default: DEFAULT_BYTES,
      own: true,
      doc: 'Larger bodies are refused with 413, bytes; 0 = no limit.',
    },
  },
  read: ({ own, global }): { readonly maxBodyBytes: number } => {
    const bytes = own?.values.MaxRequestBodySize ?? global?.values.MaxRequestBodySize ?? DEFAULT_BYTES;
    return { maxBodyBytes: bytes === 0 ? Number.POSITIVE_INFINITY : bytes };
  },
});
