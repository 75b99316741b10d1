/** Who is calling, as a verified access token says. Never built from headers or bodies. */
export interface Principal {
  /** `sub`: the user's id, or the client id of a service. */
  readonly subject: string;
  readonly email?: string;
  readonly name?: string;
  readonly role?: string;
  readonly tenantId?: string;
  readonly clientId?: string;
  /** `sid`: the session the token was issued in. */
  readonly sessionId?: string;
  /** `iat`: what happened to the account later, the token does not know. */
  readonly issuedAtSeconds?: number;
  /**
   * The service that calls, with a token of its own (`sub` is its `client_id`), or in the name of the user: by a token
   * that was exchanged for it (`act`), or with its own token beside the user's (`onBehalfOf`). Without: the user's client.
   */
  readonly service?: string;
  readonly scopes: ReadonlySet<string>;
  readonly permissions: ReadonlySet<string>;
  /** The token itself, to call other services on behalf of the caller. Never log it. */
  readonly token: string;
}

/** `aud` of a token that was exchanged for one service (RFC 8693): no other takes it. */
export function serviceAudience(audience: string, service: string): string {
  return `urn:${audience}:service:${service}`;
}

/** Is nobody behind it but the service itself? */
export function isServiceAlone({ service, subject }: Principal): boolean {
  return service !== undefined && service === subject;
}

/** In whose name the caller's request is done. `undefined`: a service by itself works for no user. */
export function actingFor(
  principal: Principal,
): { readonly subject: string; readonly tenantId: string | undefined } | undefined {
  if (isServiceAlone(principal)) return undefined;
  const { subject, tenantId } = principal;
  return { subject, tenantId };
}

/** The user's rights, with the service that uses them. */
export function onBehalfOf(user: Principal, service: Principal): Principal {
  return { ...user, service: service.subject };
}
