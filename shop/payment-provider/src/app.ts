import { once } from 'node:events';
import { handle, ok, problem, type RouteHandler, type RouteReply } from '@flotilla/http';
import { type Clock, canonicalJson, crashPoint } from '@flotilla/kernel';
import { createCharge, createRefund, getCharge, voidCharge } from '@shop/contracts';
import type { Charge, ChargeRequest, ChargeStore } from './charge-store.ts';
import { behaviourOf } from './tokens.ts';

export interface ProviderDeps {
  readonly store: ChargeStore;
  readonly clock: Clock;
}

/** A card processor for development and tests. It keeps its own books and honours idempotency keys. */
export function createProviderApp(deps: ProviderDeps): { readonly handlers: readonly RouteHandler[] } {
  const { store } = deps;
  return {
    handlers: [
      handle(createCharge, async ({ headers, body, signal }): Promise<RouteReply<typeof createCharge>> => {
        const charge = await makeCharge(deps, headers['idempotency-key'], body);
        if (charge === 'busy') return { status: 503, body: { status: 'busy' } };
        if (charge.request && canonicalJson(charge.request) !== canonicalJson(body))
          return problem(422, 'idempotency-key-reused', 'The key was used for another charge.');
        if (behaviourOf(body.token).silent && !signal.aborted) await once(signal, 'abort');
        if (charge.status === 'captured') return { status: 201, body: { id: charge.id, status: 'captured' } };
        return {
          status: 402,
          body: { id: charge.id, status: charge.status, reason: charge.reason ?? 'charge-voided' },
        };
      }),
      handle(getCharge, async ({ params }): Promise<RouteReply<typeof getCharge>> => {
        const charge = await store.find(params.key);
        return charge ? ok(toView(charge)) : { status: 404, body: { status: 'unknown' } };
      }),
      handle(voidCharge, async ({ params }) => ok(toView(await store.void(params.key)))),
      handle(createRefund, async ({ params, headers, body }): Promise<RouteReply<typeof createRefund>> => {
        crashPoint('provider.before-refund-commit');
        const result = await store.refund(params.key, headers['idempotency-key'], body.amount);
        if (result.outcome === 'unknown-charge') return { status: 404, body: { status: 'unknown' } };
        if (result.outcome !== 'refunded') return problem(409, result.outcome);
        crashPoint('provider.after-refund-commit');
        return { status: 201, body: { id: result.refundId, status: 'refunded' } };
      }),
    ],
  };
}

/**
 * The delay is not cut short when the caller goes away: like a real processor, a slow charge is captured
 * even if nobody waits for it any more.
 */
async function makeCharge(deps: ProviderDeps, key: string, request: ChargeRequest): Promise<Charge | 'busy'> {
  const known = await deps.store.find(key);
  if (known) return known;
  const behaviour = behaviourOf(request.token);
  if (behaviour.refusals !== undefined && (await deps.store.refuse(key, behaviour.refusals))) return 'busy';
  if (behaviour.delayMs !== undefined) await deps.clock.sleep(behaviour.delayMs);
  crashPoint('provider.before-capture-commit');
  const charge = await deps.store.settle(key, request, behaviour.verdict);
  crashPoint('provider.after-capture-commit');
  return charge;
}

function toView(charge: Charge) {
  return {
    id: charge.id,
    status: charge.status,
    refunded: charge.refunded,
    ...(charge.reason !== undefined && { reason: charge.reason }),
    ...(charge.request && { amount: charge.request.amount }),
  };
}
