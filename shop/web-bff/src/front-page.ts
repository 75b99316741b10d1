import { type Bff, gather, type Part, type Session, type SessionHeaders, UNAUTHORIZED } from '@flotilla/bff';
import { type HttpClient, ok, unexpectedStatus } from '@flotilla/http';
import { isRetryable, type Static } from '@flotilla/kernel';
import type { Logger } from '@flotilla/telemetry';
import {
  type getWebHome,
  listOrders,
  listProducts,
  type orderCardSchema,
  type productCardSchema,
} from '@shop/contracts';

export interface FrontPageDeps {
  readonly bff: Pick<Bff, 'guard' | 'sessions'>;
  readonly orders: HttpClient;
  readonly inventory: HttpClient;
  readonly logger: Logger;
}

export type OrderCard = Static<typeof orderCardSchema>;
export type ProductCard = Static<typeof productCardSchema>;
type WebHome = Static<(typeof getWebHome)['responses'][200]>;

const ORDERS = 20;
const PRODUCTS = 50;
/** Whoever opens a shop does not wait longer for a part of its first page. */
const PART_MS = 800;
const PAGE_MS = 1_000;

/** Who is signed in, as far as that can be known now. */
type Visitor =
  | { readonly kind: 'nobody' }
  | { readonly kind: 'unknown' }
  | { readonly kind: 'user'; readonly session: Session; readonly hasToken: boolean };

/** The first page, of parts that are asked for at once. */
export async function frontPage(deps: FrontPageDeps, headers: SessionHeaders, signal: AbortSignal) {
  deps.bff.guard.checkOrigin(headers, 'GET');
  const visitor = await visitorOf(deps, headers);
  try {
    return answer(await assemble(deps, visitor, signal));
  } catch (error) {
    if (!isUnauthorized(error) || visitor.kind !== 'user') throw error;
    // The token is not taken any more: another one is, or the session has ended.
    const { session } = visitor;
    const renewed = await deps.bff.sessions.withToken(session, session.accessToken);
    if (renewed === undefined) return UNAUTHORIZED;
    return answer(await assemble(deps, { kind: 'user', session: renewed, hasToken: true }, signal));
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
  const { parts, degraded } = await gather(
    {
      recentOrders: {
        deadlineMs: PART_MS,
        ask: (part) => recentOrders(deps.orders, visitor, part),
      } satisfies Part<readonly OrderCard[]>,
      featuredProducts: { deadlineMs: PART_MS, ask: (part) => featured(deps.inventory, part) } satisfies Part<
        readonly ProductCard[]
      >,
    },
    {
      ...{ deadlineMs: PAGE_MS, signal, isFatal: isUnauthorized },
      onMissing: (part, err) => deps.logger.warn({ part, err }, 'the first page lacks a part'),
    },
  );
  const user = visitor.kind === 'user' ? visitor.session.user : null;
  return {
    user,
    recentOrders: parts.recentOrders,
    featuredProducts: parts.featuredProducts,
    recommendations: [],
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
  const { body } = await orders.call(
    listOrders,
    { query: { limit: ORDERS }, token },
    { signal, timeoutMs: PART_MS },
  );
  return body.items.map(({ id, status, total, createdAt }) => ({ id, status, total, createdAt }));
}

async function featured(inventory: HttpClient, signal: AbortSignal): Promise<readonly ProductCard[]> {
  const { body } = await inventory.call(
    listProducts,
    { query: { limit: PRODUCTS } },
    { signal, timeoutMs: PART_MS },
  );
  return body.items;
}

function isUnauthorized(error: unknown): boolean {
  return unexpectedStatus(error)?.status === 401;
}
