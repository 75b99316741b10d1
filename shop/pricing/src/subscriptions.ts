import { type Outbox, on } from '@flotilla/messaging';
import {
  couponRedeemed,
  couponRefused,
  couponReleased,
  orderAnswerId,
  orderCancellationRequested,
  orderCouponPresented,
} from '@shop/contracts';
import type { CouponStore } from './coupon-store.ts';
import { couponKey } from './domain/coupon.ts';

export interface SubscriptionDeps {
  readonly coupons: CouponStore;
  readonly outbox: Outbox;
}

/** Pricing's part in an order that runs by events: the coupon is used, and given back when the order is cancelled. */
export function pricingSubscriptions({ coupons, outbox }: SubscriptionDeps) {
  return [
    on(orderCouponPresented, async (question, tx) => {
      const { orderId, coupon, ...redemption } = question.data;
      const answer = await coupons.redeem(tx, { orderId, coupon: couponKey(coupon), ...redemption });
      if (answer.status === 'redeemed')
        return void (await outbox.publish(
          tx,
          couponRedeemed,
          { orderId },
          { id: orderAnswerId(couponRedeemed, question) },
        ));
      const { reason } = answer;
      await outbox.publish(
        tx,
        couponRefused,
        { orderId, reason },
        { id: orderAnswerId(couponRefused, question) },
      );
    }),
    on(orderCancellationRequested, async (question, tx) => {
      const { orderId, coupon } = question.data;
      if (coupon === undefined) return;
      await coupons.release(tx, orderId);
      await outbox.publish(tx, couponReleased, { orderId }, { id: orderAnswerId(couponReleased, question) });
    }),
  ];
}
