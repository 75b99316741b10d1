import { authenticated } from '@flotilla/auth';
import { defineRoute } from '@flotilla/http';
import * as s from '@flotilla/kernel/schema';
import { moneySchema } from './common.ts';

/** What a card processor offers, as far as the shop needs it. The test provider serves it, payment calls it. */

const key = s.string({
  minLength: 1,
  maxLength: 255,
  pattern: '^[\\x21-\\x7e]+$',
  examples: ['0190b5a0-0000-7000-8000-000000000001'],
});
const byKey = s.object({ key });
const idempotent = s.object({ 'idempotency-key': key });

const chargeSchema = s.object({
  id: s.string(),
  status: s.oneOf(['captured', 'declined', 'voided'] as const),
  reason: s.optional(s.string({ description: 'Why it was declined.' })),
  amount: s.optional(moneySchema),
  refunded: s.boolean(),
});

export const createCharge = defineRoute({
  operationId: 'createCharge',
  method: 'POST',
  path: '/charges',
  summary: 'Capture an amount at once; the same key and body again have no second effect',
  access: authenticated,
  headers: idempotent,
  body: s.object({
    amount: moneySchema,
    token: s.string({ minLength: 1, maxLength: 255, examples: ['tok_ok'] }),
    reference: s.string({
      minLength: 1,
      maxLength: 255,
      description: "The merchant's order.",
      examples: ['0190b5a0-0000-7000-8000-000000000002'],
    }),
  }),
  responses: {
    201: s.object({ id: s.string(), status: s.literal('captured') }),
    402: s.object({ id: s.string(), status: s.oneOf(['declined', 'voided'] as const), reason: s.string() }),
    503: s.object({ status: s.literal('busy') }),
  },
});

export const getCharge = defineRoute({
  operationId: 'getCharge',
  method: 'GET',
  path: '/charges/:key',
  summary: 'What became of a charge, by its idempotency key',
  access: authenticated,
  params: byKey,
  responses: { 200: chargeSchema, 404: s.object({ status: s.literal('unknown') }) },
});

export const voidCharge = defineRoute({
  operationId: 'voidCharge',
  method: 'POST',
  path: '/charges/:key/void',
  idempotent: true,
  summary: 'Make sure that nothing is captured under this key from now on; a capture that exists stays',
  access: authenticated,
  params: byKey,
  responses: { 200: chargeSchema },
});

export const createRefund = defineRoute({
  operationId: 'createRefund',
  method: 'POST',
  path: '/charges/:key/refunds',
  idempotent: true,
  summary: 'Give a captured charge back in full',
  access: authenticated,
  params: byKey,
  headers: idempotent,
  body: s.object({ amount: moneySchema }),
  responses: {
    201: s.object({ id: s.string(), status: s.literal('refunded') }),
    404: s.object({ status: s.literal('unknown') }),
  },
});
