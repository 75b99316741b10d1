import { gather } from '@flotilla/bff';
import { type HttpClient, handle, ok, problem, type RouteHandler, unexpectedStatus } from '@flotilla/http';
import type { Logger } from '@flotilla/telemetry';
import { getMobileHome, listOrders, listProducts } from '@shop/contracts';

export interface MobileBffDeps {
  readonly orders: HttpClient;
  readonly inventory: HttpClient;
  readonly logger: Logger;
  /** Longest waits. Default 800 ms for a part, 1,000 ms for the page. */
  readonly limits?: { readonly partMs: number; readonly pageMs: number };
}

const ORDERS = 5;
const PRODUCTS = 10;
const LIMITS = { partMs: 800, pageMs: 1_000 };

const UNAUTHORIZED = {
  ...problem(401, 'unauthorized', 'The access token is not valid.'),
  headers: { 'www-authenticate': 'Bearer error="invalid_token"' },
};

/** A resource server: the app brings its own token, there are no cookies, and what is sent is as small as a phone's page needs. */
export function createMobileBffApp({
  orders,
  inventory,
  logger,
  limits = LIMITS,
}: MobileBffDeps): readonly RouteHandler[] {
  const { partMs, pageMs } = limits;
  return [
    handle(getMobileHome, async ({ principal, signal }) => {
      const token = principal.token;
      const part = (own: AbortSignal) => ({ signal: own, timeoutMs: partMs });
      try {
        const { parts, degraded } = await gather(
          {
            recentOrders: {
              deadlineMs: partMs,
              ask: async (own) =>
                (await orders.call(listOrders, { query: { limit: ORDERS }, token }, part(own))).body.items,
            },
            featuredProducts: {
              deadlineMs: partMs,
              ask: async (own) =>
                (await inventory.call(listProducts, { query: { limit: PRODUCTS } }, part(own))).body.items,
            },
          },
          {
            ...{ deadlineMs: pageMs, signal, isFatal: isUnauthorized },
            onMissing: (name, err) => logger.warn({ part: name, err }, 'the first page lacks a part'),
          },
        );
        return ok({
          user: { name: principal.name ?? null },
          recentOrders: parts.recentOrders?.map(({ id, status, total }) => ({ id, status, total })) ?? null,
          featuredProducts:
            parts.featuredProducts?.map(({ id, name, price, thumbnailUrl }) => ({
              id,
              name,
              price,
              imageUrl: thumbnailUrl,
            })) ?? null,
          degraded,
        });
      } catch (error) {
        if (isUnauthorized(error)) return UNAUTHORIZED;
        throw error;
      }
    }),
  ];
}

function isUnauthorized(error: unknown): boolean {
  return unexpectedStatus(error)?.status === 401;
}
