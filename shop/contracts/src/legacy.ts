import { defineRoute } from '@flotilla/http';
import * as s from '@flotilla/kernel/schema';
import { canManageOrders, canMoveOrders, canReadOrders } from './access.ts';
import { orderId, productId, quantity, timestamp } from './common.ts';
import { MAX_ORDER_LINES, orderSchema } from './order.ts';

/*
 * The monolith that the shop was before. Its public routes answer as the order service does, so that the gateway can move
 * requests from one to the other; what it tells the order service of an order is in its own words.
 */

const byId = s.object({ id: orderId });
const number = s.integer({ minimum: 1, maximum: 2_147_483_647, examples: [1001] });
const byNumber = s.object({ number });
const version = s.integer({ minimum: 1 });
const euros = s.string({ pattern: '^\\d{1,8}\\.\\d{2}$', examples: ['39.98'] });

export const getLegacyOrder = defineRoute({
  operationId: 'getLegacyOrder',
  method: 'GET',
  path: '/api/orders/:id',
  summary: 'One order of the caller, as the monolith has it',
  access: canReadOrders,
  params: byId,
  responses: { 200: orderSchema },
  problems: { 404: { codes: ['order-not-found'] } },
});

export const placeLegacyOrder = defineRoute({
  operationId: 'placeLegacyOrder',
  method: 'POST',
  path: '/api/orders',
  summary: 'Place an order in the monolith, until orders are taken elsewhere',
  access: canManageOrders,
  body: s.object({
    items: s.array(s.object({ productId, quantity }), { minItems: 1, maxItems: MAX_ORDER_LINES }),
  }),
  responses: { 201: orderSchema },
  problems: {
    409: { codes: ['intake-closed', 'out-of-stock'] },
    422: { codes: ['unknown-product'] },
  },
});

export const cancelLegacyOrder = defineRoute({
  operationId: 'cancelLegacyOrder',
  method: 'POST',
  path: '/api/orders/:id/cancel',
  summary: 'Cancel an order in the monolith, as long as it is decided there',
  access: canManageOrders,
  params: byId,
  responses: { 200: orderSchema },
  problems: { 404: { codes: ['order-not-found'] }, 409: { codes: ['too-late', 'order-moved'] } },
});

/** N: new, P: paid, S: sent, X: cancelled. */
export const legacyStates = ['N', 'P', 'S', 'X'] as const;

/** An order in the words of the monolith: euros with two decimals, states of one letter, days in columns. */
export const legacyRecordSchema = s.named(
  'LegacyRecord',
  s.object({
    number,
    version,
    accountId: s.string({ minLength: 1, maxLength: 64 }),
    state: s.oneOf(legacyStates),
    sum: euros,
    remark: s.nullable(s.string({ maxLength: 200 })),
    placedOn: timestamp,
    paidOn: s.nullable(timestamp),
    sentOn: s.nullable(timestamp),
    cancelledOn: s.nullable(timestamp),
    isMoved: s.boolean(),
    positions: s.array(
      s.object({ article: productId, title: s.string({ maxLength: 200 }), pieces: quantity, price: euros }),
    ),
  }),
);

export const listLegacyRecords = defineRoute({
  operationId: 'listLegacyRecords',
  method: 'GET',
  path: '/internal/legacy-orders',
  summary: 'Orders of the monolith by number: all, or those that have not been moved',
  access: canMoveOrders,
  query: s.object({
    after: s.optional(s.integer({ minimum: 0 })),
    isLeft: s.optional(s.boolean()),
  }),
  responses: { 200: s.object({ items: s.array(legacyRecordSchema) }) },
});

export const getLegacyRecord = defineRoute({
  operationId: 'getLegacyRecord',
  method: 'GET',
  path: '/internal/legacy-orders/:number',
  summary: 'One order of the monolith',
  access: canMoveOrders,
  params: byNumber,
  responses: { 200: legacyRecordSchema },
  problems: { 404: { codes: ['order-not-found'] } },
});

export const handOverLegacyOrder = defineRoute({
  operationId: 'handOverLegacyOrder',
  method: 'PUT',
  path: '/internal/legacy-orders/:number/owner',
  summary:
    'From here on the order service decides about an order, if the monolith still has it as it was read',
  access: canMoveOrders,
  params: byNumber,
  body: s.object({ version }),
  responses: { 200: s.object({ version }), 409: s.object({ code: s.literal('version-changed') }) },
  problems: { 404: { codes: ['order-not-found'] } },
});

export const settleLegacyCancellation = defineRoute({
  operationId: 'settleLegacyCancellation',
  method: 'PUT',
  path: '/internal/legacy-orders/:number/cancellation',
  summary: 'The order service has cancelled an order that was paid and packed here: money and goods go back',
  access: canMoveOrders,
  params: byNumber,
  body: s.object({ at: timestamp, reason: s.string({ minLength: 1, maxLength: 200 }) }),
  responses: { 200: s.object({ version }) },
  problems: { 404: { codes: ['order-not-found'] }, 409: { codes: ['not-moved'] } },
});

export const setLegacyIntake = defineRoute({
  operationId: 'setLegacyIntake',
  method: 'PUT',
  path: '/internal/legacy-intake',
  summary: 'Whether the monolith takes new orders',
  access: canMoveOrders,
  body: s.object({ isOpen: s.boolean() }),
  responses: { 200: s.object({ isOpen: s.boolean() }) },
});
