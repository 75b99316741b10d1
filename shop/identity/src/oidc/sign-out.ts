import { decodeJwt } from 'jose';
import type { KoaContextWithOIDC, Provider } from 'oidc-provider';

type Context = KoaContextWithOIDC & { oidc?: KoaContextWithOIDC['oidc'] };

/**
 * A user who wants to sign out is never shown an error for what a client sent along. A hint that cannot be checked (its key is
 * gone, it is another issuer's) is left out with the address that it would have vouched for: then there is the question, and no
 * redirect.
 */
export function forgiveSignOut(provider: Provider): void {
  provider.use(async (context, next) => {
    const ctx = context as Context;
    if (ctx.path !== '/session/end' || ctx.method !== 'GET') return await next();
    const { id_token_hint: hint } = ctx.query;
    if (typeof hint === 'string' && !(await isOurs(provider, hint))) {
      const { id_token_hint: _hint, post_logout_redirect_uri: _uri, client_id: _id, ...rest } = ctx.query;
      ctx.query = rest;
    }
    await next();
    leaveWithoutQuestion(ctx);
  });
}

async function isOurs(provider: Provider, hint: string): Promise<boolean> {
  try {
    const { aud } = decodeJwt(hint);
    const client = typeof aud === 'string' ? await provider.Client.find(aud) : undefined;
    if (client === undefined) return false;
    await provider.IdToken.validate(hint, client);
    return true;
  } catch {
    return false; // whatever is wrong with it
  }
}

/** Nobody is signed in: there is nothing to ask, and the library's way on needs a script. */
function leaveWithoutQuestion(ctx: Context): void {
  if (ctx.oidc?.route !== 'end_session' || ctx.status !== 200 || ctx.oidc.session?.accountId !== undefined)
    return;
  const { post_logout_redirect_uri: uri, state } = ctx.oidc.params ?? {};
  const target = new URL(typeof uri === 'string' ? uri : ctx.oidc.urlFor('end_session_success'));
  if (typeof uri === 'string' && typeof state === 'string') target.searchParams.set('state', state);
  ctx.body = null;
  ctx.status = 303;
  ctx.set('location', target.href);
}
