import { createFairPlaces, type FairRooms, type Loop, startLoop } from '@flotilla/kernel';
import { newTrace, parseTraceparent, runInContext } from '@flotilla/telemetry';
import type { TakenPayment } from '../payment-store.ts';
import { type PaymentDeps, recordOutcome, underLease } from '../settlement.ts';
import { settleCharge } from './charge-order.ts';
import { finishClosing } from './refund-order.ts';

export interface PaymentResolver {
  /** Runs until the signal is aborted, then ends the calls under way. */
  run(signal: AbortSignal): Promise<void>;
  /** Something has come due: look now. */
  nudge(): void;
}

const PAUSE_MS = 1_000;
/** Payments that are talked about at the same time. */
const MOST_AT_ONCE = 20;

/**
 * Settles open payments. Those of orders that run by events it charges, as soon as they are due. The others were
 * left open by a crash, or by a caller that never came back: for them it asks the provider, and finishes what was
 * closed, but starts no charge of its own, because only the order's saga knows whether that is still wanted.
 */
export function createPaymentResolver(deps: PaymentDeps): PaymentResolver {
  const running = new Set<Promise<void>>();
  const places = createFairPlaces(MOST_AT_ONCE);
  let loop: Loop | undefined;
  const nudge = () => loop?.wake();

  /** A slow payment keeps its place and holds up nobody else; one customer has no more than a share of them. */
  async function takeUp(signal: AbortSignal): Promise<boolean> {
    const room = places.free();
    if (room === 0) return false;
    for (const { customerId, work } of await takeOverdue(deps, room, places.rooms(), signal)) {
      places.take(customerId);
      const ended = work.finally(() => {
        // Others of the same customer, or of anybody when it was full, may have waited for this place.
        const awaited = places.free() === 0 || !places.isFair(customerId);
        places.leave(customerId);
        running.delete(ended);
        if (awaited) nudge();
      });
      running.add(ended);
    }
    return false;
  }

  return {
    nudge,
    run: async (signal) => {
      const run = () => takeUp(signal);
      loop = startLoop({ ...deps, name: 'open-payments', run, intervalMs: PAUSE_MS, signal });
      await loop.ended;
      await Promise.all(running);
    },
  };
}

/** One round; returns how many payments were taken up, when they have been dealt with. */
export async function resolveOnce(deps: PaymentDeps, signal: AbortSignal): Promise<number> {
  const { rooms } = createFairPlaces(MOST_AT_ONCE);
  const taken = await takeOverdue(deps, MOST_AT_ONCE, rooms(), signal);
  await Promise.all(taken.map(({ work }) => work));
  return taken.length;
}

async function takeOverdue(
  deps: PaymentDeps,
  limit: number,
  rooms: FairRooms,
  signal: AbortSignal,
): Promise<readonly { readonly customerId: string | undefined; readonly work: Promise<void> }[]> {
  const holder = deps.newId();
  const payments = await deps.store.takeOverdue(holder, limit, rooms);
  return payments.map((payment) => {
    const trace = parseTraceparent(payment.traceparent) ?? newTrace();
    const work = runInContext({ trace, correlationId: payment.orderId }, () =>
      resolve(deps, payment, holder, signal),
    );
    return { customerId: payment.customerId, work };
  });
}

async function resolve(
  deps: PaymentDeps,
  payment: TakenPayment,
  holder: string,
  signal: AbortSignal,
): Promise<void> {
  try {
    const status = await underLease(deps, payment, holder, () => settle(deps, payment, holder, signal));
    // That an order by events is charged is no news; that it took a second look is.
    if (payment.byEvents && payment.attempts === 1) return;
    deps.logger.info(
      { paymentId: payment.id, orderId: payment.orderId, status },
      'an open payment was looked at',
    );
  } catch (error) {
    deps.logger.warn({ err: error, paymentId: payment.id }, 'an open payment could not be settled yet');
  }
}

async function settle(
  deps: PaymentDeps,
  payment: TakenPayment,
  holder: string,
  signal: AbortSignal,
): Promise<string> {
  if (payment.status !== 'pending') return await finishClosing(deps, payment, holder, signal);
  if (payment.byEvents) {
    const turn = { holder, triedBefore: payment.attempts > 1 };
    return (await settleCharge(deps, payment, turn, signal)).status;
  }
  const outcome = await deps.provider.find(payment.id, signal);
  if (outcome) return (await recordOutcome(deps, payment, outcome, holder)).status;
  await deps.store.release(payment.id, holder);
  return 'pending';
}
