import { tokenInvalid } from './errors.ts';
import { isServiceAlone, onBehalfOf, type Principal } from './principal.ts';
import type { VerifyToken } from './token-verifier.ts';

/** Beside the service's own token: the access token of the user in whose name the service calls. */
export const ON_BEHALF_OF = 'x-on-behalf-of';

/** What a caller shows of itself. */
export interface Credentials {
  /** Of the `Authorization` header. */
  readonly token: string;
  /** Of `ON_BEHALF_OF`. */
  readonly userToken?: string | undefined;
}

/**
 * Who calls, and in whose name: both are proved by a token, none is believed. Throws what `verify` throws; a user's token
 * beside anything but a service's own is refused, so that nobody borrows the rights of another user.
 */
export async function identifyCaller(
  verify: VerifyToken,
  { token, userToken }: Credentials,
): Promise<Principal> {
  const caller = await verify(token);
  if (userToken === undefined) return caller;
  if (!isServiceAlone(caller)) throw tokenInvalid('delegation');
  const user = await verify(userToken);
  if (user.service !== undefined) throw tokenInvalid('delegation');
  return onBehalfOf(user, caller);
}
