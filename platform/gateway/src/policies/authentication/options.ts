/** Who may come in by address; entries as written: `10.0.0.1`, `10.0.0.1-9`, `10.0.0.0/8`, `10.0.0.0/255.0.0.0`, IPv6 too. */
export interface IpRulesConfig {
  readonly allowed: readonly string[];
  readonly blocked: readonly string[];
  readonly excludeAllowedFromBlocked: boolean;
}

/** `GlobalConfiguration.AuthenticationProviders`, by key. */
export interface AuthenticationProviderConfig {
  readonly issuer: string | undefined;
  /** The token needs one of them; empty = not checked. */
  readonly audiences: readonly string[];
  readonly keys:
    | { readonly kind: 'secret'; readonly secret: string }
    | { readonly kind: 'jwks'; readonly url: string };
  readonly algorithms: readonly string[];
  readonly clockSkewSeconds: number;
}

export interface AuthenticationConfig {
  /** Tried in this order; each is in `AuthenticationProviders` or registered in code. */
  readonly providers: readonly string[];
  /** The token needs one of them; empty = none needed. */
  readonly allowedScopes: readonly string[];
}

export interface CorsConfig {
  /** `*`, or origins as browsers send them; compared exactly. */
  readonly allowedOrigins: readonly string[];
  readonly allowedMethods: readonly string[];
  readonly allowedHeaders: readonly string[];
  readonly exposedHeaders: readonly string[];
  readonly allowCredentials: boolean;
  readonly maxAgeSeconds: number;
}
