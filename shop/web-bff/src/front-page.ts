import { type Bff, gather, type Part, type Session, type SessionHeaders, UNAUTHORIZED } from '@flotilla/bff';
import { type HttpClient, ok, unexpectedStatus } from '@flotilla/http';
import { isRetryable, type Static } from '@flotilla/kernel';
import type { Logger } from '@flotilla/telemetry';
import {
  type getWebHome,
  listOrders,
  listPopular,
  listProducts,
  listRecommendations,
  type orderCardSchema,
  type productCardSchema,
} from '@shop/contracts';

export interface FrontPageDeps {
  readonly bff: Pick<Bff, 'guard' | 'sessions'>;
  readonly orders: HttpClient;
  readonly inventory: HttpClient;
  readonly recommendation: HttpClient;
  readonly logger: Logger;
  readonly limits?: PageLimits;
}

export type OrderCard = Static<typeof orderCardSchema>;
export type ProductCard = Static<typeof productCardSchema>;
type WebHome = Static<(typeof getWebHome)['responses'][200]>;

const ORDERS = 20;
const PRODUCTS = 50;
const RECOMMENDATIONS = 12;

/** How long somebody who opens the shop waits for a part of its first page, for one that it is as good without, and for all. */
export interface PageLimits {
  readonly partMs: number;
  readonly optionalMs: number;
  readonly pageMs: number;
}

const LIMITS: PageLimits = { partMs: 800, optionalMs: 300, pageMs: 1_000 };

/** Who is signed in, as far as that can be known now. */
type Visitor =
  | { readonly kind: 'nobody' }
  | { readonly kind: 'unknown' }
  | { readonly kind: 'user'; readonly session: Session; readonly hasToken: boolean };

/** The first page, of parts that are asked for at once. */
export async function frontPage(deps: FrontPageDeps, headers: SessionHeaders, signal: AbortSignal) {
  deps.bff.guard.checkOrigin(headers, 'GET');
  const visitor = await visitorOf(deps, headers);
  const page = await assembleOrRefuse(deps, visitor, signal);
  if (page !== 'unauthorized') return answer(page);
  if (visitor.kind !== 'user') return UNAUTHORIZED;
  // The token is not taken any more: another one is, or the session has ended.
  const renewed = await deps.bff.sessions.withToken(visitor.session, visitor.session.accessToken);
  if (renewed === undefined) return UNAUTHORIZED;
  const again = await assembleOrRefuse(deps, { kind: 'user', session: renewed, hasToken: true }, signal);
  return again === 'unauthorized' ? UNAUTHORIZED : answer(again);
}

/** What a service says of the token it says of the whole page. */
async function assembleOrRefuse(
  deps: FrontPageDeps,
  visitor: Visitor,
  signal: AbortSignal,
): Promise<WebHome | 'unauthorized'> {
  try {
    return await assemble(deps, visitor, signal);
  } catch (error) {
    if (isUnauthorized(error)) return 'unauthorized';
    throw error;
  }
}

function answer(page: WebHome) {
  return ok(page, { 'cache-control': 'no-store', vary: 'Cookie' });
}

/** What keeps sessions may be away: the page says that it does not know, and never that somebody has signed out. */
async function visitorOf({ bff, logger }: FrontPageDeps, headers: SessionHeaders): Promise<Visitor> {
  let known: Session | undefined;
  try {
    known = await bff.guard.sessionOf(headers);
    if (known === undefined) return { kind: 'nobody' };
    const session = await bff.sessions.withToken(known);
    return session === undefined ? { kind: 'nobody' } : { kind: 'user', session, hasToken: true };
  } catch (err) {
    if (!isRetryable(err)) throw err;
    logger.warn({ err }, 'the first page does without the session');
    return known === undefined ? { kind: 'unknown' } : { kind: 'user', session: known, hasToken: false };
  }
}

async function assemble(deps: FrontPageDeps, visitor: Visitor, signal: AbortSignal): Promise<WebHome> {
  const { partMs, optionalMs, pageMs } = deps.limits ?? LIMITS;
  const { parts, degraded } = await gather(
    {
      recentOrders: {
        deadlineMs: partMs,
        ask: (part) => recentOrders(deps.orders, visitor, part),
      } satisfies Part<readonly OrderCard[]>,
      recommendations: {
        deadlineMs: optionalMs,
        ask: (part) => recommended(deps.recommendation, visitor, part),
      } satisfies Part<readonly ProductCard[]>,
      featuredProducts: { deadlineMs: partMs, ask: (part) => featured(deps.inventory, part) } satisfies Part<
        readonly ProductCard[]
      >,
    },
    {
      ...{ deadlineMs: pageMs, signal, isFatal: isUnauthorized },
      onMissing: (part, err) => deps.logger.warn({ part, err }, 'the first page lacks a part'),
    },
  );
  const user = visitor.kind === 'user' ? visitor.session.user : null;
  return {
    user,
    recentOrders: parts.recentOrders,
    featuredProducts: parts.featuredProducts,
    recommendations: parts.recommendations,
    degraded: visitor.kind === 'unknown' ? ['user', ...degraded] : degraded,
  };
}

async function recentOrders(
  orders: HttpClient,
  visitor: Visitor,
  signal: AbortSignal,
): Promise<readonly OrderCard[]> {
  if (visitor.kind === 'nobody') return [];
  if (visitor.kind === 'unknown' || !visitor.hasToken) throw new Error('it is not known who asks');
  const token = visitor.session.accessToken;
  const { body } = await orders.call(listOrders, { query: { limit: ORDERS }, token }, { signal });
  return body.items.map(({ id, status, total, createdAt }) => ({ id, status, total, createdAt }));
}

async function featured(inventory: HttpClient, signal: AbortSignal): Promise<readonly ProductCard[]> {
  const { body } = await inventory.call(listProducts, { query: { limit: PRODUCTS } }, { signal });
  return body.items;
}

/** By what they bought, or by what most bought. */
async function recommended(
  recommendation: HttpClient,
  visitor: Visitor,
  signal: AbortSignal,
): Promise<readonly ProductCard[]> {
  const query = { limit: RECOMMENDATIONS };
  const limits = { signal };
  if (visitor.kind !== 'user' || !visitor.hasToken)
    return (await recommendation.call(listPopular, { query }, limits)).body.items;
  const token = visitor.session.accessToken;
  return (await recommendation.call(listRecommendations, { query, token }, limits)).body.items;
}

function isUnauthorized(error: unknown): boolean {
  return unexpectedStatus(error)?.status === 401;
}
