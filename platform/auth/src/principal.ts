/** Who is calling, as a verified access token says. Never built from headers or bodies. */
export interface Principal {
  /** `sub`: the user's id, or the client id of a service. */
  readonly subject: string;
  readonly email?: string;
  readonly name?: string;
  readonly role?: string;
  readonly tenantId?: string;
  readonly clientId?: string;
  readonly scopes: ReadonlySet<string>;
  readonly permissions: ReadonlySet<string>;
  /** The token itself, to call other services on behalf of the caller. Never log it. */
  readonly token: string;
}
