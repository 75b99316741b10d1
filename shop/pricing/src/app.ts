import type { RouteHandler } from '@flotilla/http';
import type { Clock, NewId } from '@flotilla/kernel';
import type { Outbox } from '@flotilla/messaging';
import type { Database } from '@flotilla/postgres';
import { keepLookUps, type LookUp } from './catalogue.ts';
import { createCouponStore } from './coupon-store.ts';
import { addDemoPrices } from './demo-prices.ts';
import { pricingRoutes } from './http.ts';
import { peopleRoutes } from './people.ts';
import { createQuoteStore } from './quote-store.ts';
import { createRulesStore } from './rules-store.ts';
import { pricingSubscriptions } from './subscriptions.ts';

export interface PricingDeps {
  readonly db: Database;
  readonly outbox: Outbox;
  readonly lookUpProducts: LookUp;
  readonly clock: Clock;
  readonly newId: NewId;
  readonly quoteTtlMs: number;
}

export interface PricingApp {
  readonly handlers: readonly RouteHandler[];
  readonly subscriptions: ReturnType<typeof pricingSubscriptions>;
  /** Forgets quotes that nobody can order on any more. */
  readonly forgetOldQuotes: () => Promise<void>;
  readonly addDemoPrices: () => Promise<void>;
}

const KEPT_HOURS = 24;

export function createPricingApp({ db, outbox, clock, newId, quoteTtlMs, ...deps }: PricingDeps): PricingApp {
  const rules = createRulesStore(db);
  const coupons = createCouponStore(db);
  const quotes = createQuoteStore(db);
  const lookUpNow = deps.lookUpProducts;
  const lookUp = keepLookUps(lookUpNow, clock);
  return {
    handlers: [
      ...pricingRoutes({ db, rules, coupons, quotes, newId, quoteTtlMs, lookUp, lookUpNow }),
      ...peopleRoutes(db),
    ],
    subscriptions: pricingSubscriptions({ coupons, outbox }),
    forgetOldQuotes: () => quotes.forget(KEPT_HOURS),
    addDemoPrices: () => addDemoPrices({ rules, coupons }),
  };
}
