import { createClaimsVerifier, serviceAudience, type TokenClaims } from '@flotilla/auth';
import type { Sessions } from '@flotilla/auth/provider';
import { accept, type Clock, isPlatformError, type Result, reject } from '@flotilla/kernel';
import type { Queryable } from '@flotilla/postgres';
import type { AccessToken, AccessTokens } from '../access-tokens.ts';
import type { AccountStore } from '../account-store.ts';
import type { SigningKeys } from '../signing-keys.ts';
import type { ServiceClients } from './issue-service-token.ts';

export interface ExchangeDeps {
  readonly issuer: string;
  readonly audience: string;
  readonly keys: SigningKeys;
  readonly clock: Pick<Clock, 'now'>;
  readonly accounts: AccountStore;
  readonly sessions: Sessions;
  readonly accessTokens: AccessTokens;
  readonly serviceClients: ServiceClients;
}

export interface Exchange {
  /** The service that asks: it has shown its secret. */
  readonly service: string;
  /** The user's access token, as the service was sent it. */
  readonly subjectToken: string;
  /** The service that is to be called. */
  readonly callee: string;
  /** Default: all that the user's token has. */
  readonly scope: string | undefined;
}

/** As RFC 8693 and RFC 8707 name them. */
export interface ExchangeRejection {
  readonly error: 'invalid_request' | 'invalid_target' | 'invalid_scope';
  readonly why: string;
}

/** A user's call passes so many services at most. */
const MOST_ACTORS = 3;
/** What is carried over as it stands: an exchange gives nobody more than they had. */
const CARRIED = [
  'sub',
  'client_id',
  'email',
  'name',
  'role',
  'tenant_id',
  'permissions',
  'sid',
  'acr',
  'amr',
];

export interface ExchangedToken extends AccessToken {
  readonly scope: string;
}

export type ExchangeToken = (
  on: Queryable,
  exchange: Exchange,
) => Promise<Result<ExchangedToken, ExchangeRejection>>;

/**
 * The user's token for one callee, with the calling service in `act`: only along the edges of the topology, with no scope more, and no
 * longer than the token that it comes of. Throws what is wrong on this side.
 */
export function createTokenExchange(deps: ExchangeDeps): ExchangeToken {
  const { issuer, audience, keys, clock, serviceClients, accessTokens } = deps;
  const options = { issuer, algorithms: ['ES256'], keys, clock, type: 'at+jwt', clockToleranceSeconds: 0 };
  const verifiers = new Map<string, ReturnType<typeof createClaimsVerifier>>();

  /** Sent to whichever service, or exchanged for this one. */
  function verifierOf(service: string) {
    const known =
      verifiers.get(service) ??
      createClaimsVerifier({ ...options, audiences: [audience, serviceAudience(audience, service)] });
    verifiers.set(service, known);
    return known;
  }

  return async (on, { service, subjectToken, callee, scope }) => {
    if (serviceClients[service]?.calls?.includes(callee) !== true)
      return refuse('invalid_target', 'the topology has no such call');
    const claims = await verified(verifierOf(service), subjectToken);
    if (claims === undefined) return refuse('invalid_request', 'the subject token is not valid here');
    const actors = actorsOf(claims);
    if (!(await isUsers(deps, on, claims)))
      return refuse('invalid_request', 'the subject token is of no user who is signed in');
    if (actors.length >= MOST_ACTORS)
      return refuse('invalid_request', `the subject token has passed ${MOST_ACTORS} services`);
    const had = scopesOf(claims['scope']);
    const asked = scope === undefined ? had : scopesOf(scope);
    if (!asked.every((one) => had.includes(one)))
      return refuse('invalid_scope', 'the subject token does not have these scopes');
    const expiresIn = claims.exp - Math.floor(clock.now().getTime() / 1_000);
    const carried = Object.fromEntries(
      CARRIED.flatMap((name) => (claims[name] === undefined ? [] : [[name, claims[name]]])),
    );
    const act = [service, ...actors].reduceRight<object | undefined>(
      (inner, sub) => ({ sub, ...(inner && { act: inner }) }),
      undefined,
    );
    const scopes = asked.join(' ');
    const aud = serviceAudience(audience, callee);
    const granted = { ...carried, aud, client_id: service, scope: scopes, act };
    return accept({ ...(await accessTokens.exchanged(granted, expiresIn)), scope: scopes });
  };
}

function refuse(error: ExchangeRejection['error'], why: string) {
  return reject({ error, why });
}

async function verified(
  verify: ReturnType<typeof createClaimsVerifier>,
  token: string,
): Promise<TokenClaims | undefined> {
  try {
    return await verify(token);
  } catch (error) {
    if (isPlatformError(error) && error.code === 'AUTH_TOKEN_INVALID') return undefined;
    throw error;
  }
}

/** A service by itself acts for nobody. Who was disabled or signed out since has no token any more. */
async function isUsers(
  { accounts, sessions }: ExchangeDeps,
  on: Queryable,
  { sub, client_id: clientId, sid }: TokenClaims,
): Promise<boolean> {
  if (typeof sub !== 'string' || sub === clientId) return false;
  const account = await accounts.find(sub, on);
  if (account === undefined || account.isDisabled) return false;
  return typeof sid !== 'string' || (await sessions.lives(on, sid));
}

/** The last one first. */
function actorsOf(claims: TokenClaims): readonly string[] {
  const actors: string[] = [];
  let act = claims['act'];
  while (typeof act === 'object' && act !== null && 'sub' in act) {
    actors.push(String(act.sub));
    act = 'act' in act ? act.act : undefined;
  }
  return actors;
}

function scopesOf(scope: unknown): readonly string[] {
  const texts = typeof scope === 'string' ? scope.split(' ') : [];
  return [...new Set(texts.filter((one) => one !== ''))];
}
