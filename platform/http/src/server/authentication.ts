import type { IncomingMessage } from 'node:http';
import {
  identifyCaller,
  ON_BEHALF_OF,
  type Principal,
  requireAccess,
  type VerifyToken,
} from '@flotilla/auth';
import { Refusal, unauthorized } from '../contract/problem.ts';
import { problem } from '../contract/reply.ts';
import type { Route } from '../contract/route.ts';
import { headerValues } from './request-parts.ts';

const BEARER = /^Bearer +([A-Za-z0-9\-._~+/]+=*)$/i;
const TOKEN = /^[A-Za-z0-9\-._~+/]+=*$/;

/** Finds out who calls, for whom, and whether the route lets them: 401 without a valid token, 403 when the policy refuses. */
export function createAuthentication(
  route: Route,
  verify: VerifyToken | undefined,
): ((request: IncomingMessage) => Promise<Principal>) | undefined {
  const policy = requireAccess(route.access, `${route.method} ${route.path}`);
  if (policy === 'public') return undefined;
  if (verify === undefined)
    throw new TypeError(`${route.method} ${route.path} needs ${policy.name}, but there is no verifyToken`);
  return async (request) => {
    const principal = await identifyCaller(verify, {
      token: bearerToken(request),
      userToken: userToken(request),
    });
    if (!policy.allows(principal)) {
      throw new Refusal({
        ...problem(403, 'forbidden', 'The caller may not do this.'),
        headers: { 'www-authenticate': 'Bearer error="insufficient_scope"' },
      });
    }
    return principal;
  };
}

/** From the Authorization header only: tokens in URLs end up in logs. */
function bearerToken(request: IncomingMessage): string {
  const values = headerValues(request, 'authorization');
  if (values.length === 0) throw unauthorized('Bearer', 'An access token is required.');
  const token = values.length === 1 ? BEARER.exec(values[0] ?? '')?.[1] : undefined;
  if (token === undefined)
    throw unauthorized('Bearer error="invalid_request"', 'One Bearer token is required.');
  return token;
}

function userToken(request: IncomingMessage): string | undefined {
  const values = headerValues(request, ON_BEHALF_OF);
  if (values.length === 0) return undefined;
  const token = values.length === 1 ? TOKEN.exec(values[0] ?? '')?.[0] : undefined;
  if (token === undefined)
    throw unauthorized('Bearer error="invalid_request"', 'One token of a user is required.');
  return token;
}
