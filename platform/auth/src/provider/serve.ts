import type { IncomingMessage, ServerResponse } from 'node:http';
import { crashPoint, isRetryable } from '@flotilla/kernel';
import type { Transaction } from '@flotilla/postgres';
import type { KoaContextWithOIDC, Provider } from 'oidc-provider';
import type { SuccessorOf } from './rotation.ts';
import type { Asker, ProviderScope } from './scope.ts';
import type { Sessions } from './sessions.ts';

export interface TransactionsOptions {
  readonly scope: ProviderScope;
  readonly sessions: Sessions;
  readonly successorOf: SuccessorOf;
  readonly askerOf: (req: IncomingMessage) => Asker;
  /** Answers a person who opened an address of the provider while something it needs was away. Default: JSON, as for programs. */
  readonly showUnavailable?: (ctx: KoaContextWithOIDC) => void;
  /** Told of what went wrong on this side. */
  readonly onFault: (error: unknown, route: string) => void;
  /** Whether `iss` is left off error redirects to this client: some take such a response for a login by a third party. */
  readonly leavesIssuerOff: (clientId: string) => boolean;
}

type Context = KoaContextWithOIDC & { readonly oidc?: KoaContextWithOIDC['oidc'] };

/** These neither write nor read what is stored. */
const WITHOUT_STATE = /^\/(?:\.well-known\/|jwks$)/;

/**
 * Each request is one transaction: what is used up and what is given for it commit together. A request that fails on this side
 * has used up nothing, and is answered 503 when trying again may help.
 */
export function useTransactions(provider: Provider, options: TransactionsOptions): void {
  const { scope, sessions, askerOf, onFault, showUnavailable } = options;
  const faults = new WeakMap<object, unknown>();
  provider.on('server_error', (ctx: Context, error: unknown) => {
    faults.set(ctx, error);
    onFault(error, ctx.oidc?.route ?? ctx.path);
  });
  deriveSuccessors(provider, options);

  provider.use(async (context, next) => {
    const ctx = context as Context;
    if (ctx.method === 'OPTIONS' || WITHOUT_STATE.test(ctx.path)) return await next();
    try {
      await scope.transaction(askerOf(ctx.req), async (tx) => {
        await next();
        if (faults.has(ctx)) throw faults.get(ctx);
        await endIfSignedOut(ctx, tx, sessions);
        crash('before', ctx.oidc?.route);
      });
      crash('after', ctx.oidc?.route);
    } catch (error) {
      if (!faults.has(ctx)) onFault(error, ctx.oidc?.route ?? ctx.path);
      sayUnavailable(ctx, isRetryable(error));
      // Opened in a browser; a form that was sent cannot be opened again.
      if (isRetryable(error) && ctx.method === 'GET' && ctx.accepts('json', 'html') === 'html')
        showUnavailable?.(ctx as KoaContextWithOIDC);
      return;
    }
    cureResponse(ctx, options);
  });
}

/** Before what was given commits, and before anybody learns of it. */
function crash(when: 'before' | 'after', route: string | undefined): void {
  const isBefore = when === 'before';
  if (route === 'token') crashPoint(isBefore ? 'auth.before-token-commit' : 'auth.after-token-commit');
  if (route === 'end_session_confirm')
    crashPoint(isBefore ? 'auth.before-logout-commit' : 'auth.after-logout-commit');
}

/** The library makes up ids at random; that of a successor must be the same each time. */
function deriveSuccessors(provider: Provider, { scope, successorOf }: TransactionsOptions): void {
  const prototype = provider.RefreshToken.prototype;
  const random: unknown = Reflect.get(prototype, 'generateTokenId');
  if (typeof random !== 'function') throw new TypeError('this oidc-provider makes up ids in another way');
  Object.defineProperty(prototype, 'generateTokenId', {
    value(this: object): unknown {
      const rotating = scope.current()?.rotating;
      return rotating === undefined ? random.call(this) : successorOf(rotating);
    },
  });
}

/** The library forgets the cookie; the session ends with all that came of it, `offline_access` too. */
async function endIfSignedOut(
  ctx: Context,
  tx: () => Promise<Transaction>,
  sessions: Sessions,
): Promise<void> {
  if (ctx.oidc?.route !== 'end_session_confirm') return;
  const session = ctx.oidc.session as { readonly uid?: string; readonly destroyed?: boolean } | undefined;
  if (session?.destroyed === true && session.uid !== undefined)
    await sessions.end(await tx(), session.uid, 'signed-out');
}

function sayUnavailable(ctx: Context, retryable: boolean): void {
  for (const name of ['set-cookie', 'location', 'www-authenticate']) ctx.remove(name);
  ctx.status = retryable ? 503 : 500;
  if (retryable) ctx.set('retry-after', '1');
  ctx.set('cache-control', 'no-store');
  ctx.type = 'application/json';
  ctx.body = { error: retryable ? 'temporarily_unavailable' : 'server_error' };
}

/** What real clients stumble over. */
function cureResponse(ctx: Context, { leavesIssuerOff }: TransactionsOptions): void {
  // A client that asks for JSON cannot read `text/plain`, even where there is nothing to read.
  if (ctx.status === 200 && ctx.body === '') ctx.remove('content-type');
  const location = ctx.response.get('location');
  const clientId = ctx.oidc?.client?.clientId;
  if (location === '' || clientId === undefined || !leavesIssuerOff(clientId)) return;
  if (!URL.canParse(location)) return;
  const url = new URL(location);
  if (!url.searchParams.has('error')) return;
  url.searchParams.delete('iss');
  ctx.set('location', url.href);
}

/** A handler for Node that gives each request to the newest provider. */
export function createProviderCallback(initial: Provider): {
  (req: IncomingMessage, res: ServerResponse): Promise<void>;
  swap(provider: Provider): void;
} {
  let callback = initial.callback();
  return Object.assign(
    async (req: IncomingMessage, res: ServerResponse) => {
      await callback(req, res);
    },
    {
      swap: (provider: Provider) => {
        callback = provider.callback();
      },
    },
  );
}
