import type { PolicyContext, PolicyInput, PolicyOwner } from '../grammar/policy.ts';
import type { ConfigObject, SectionShape } from '../grammar/shape.ts';
import { authentication } from './authentication/config.ts';
import { backendProtocol } from './backend-protocol/config.ts';
import { backendTls } from './backend-tls/config.ts';
import { bodySize } from './body-size/config.ts';
import { cache } from './cache/config.ts';
import { circuitBreaker } from './circuit-breaker/config.ts';
import { claims } from './claims/config.ts';
import { clientCertificate } from './client-certificate/config.ts';
import { compression } from './compression/config.ts';
import { cookies } from './cookies/config.ts';
import { cors } from './cors/config.ts';
import { delegatingHandlers } from './delegating-handlers/config.ts';
import { forwardAuth } from './forward-auth/config.ts';
import { grpcWeb } from './grpc-web/config.ts';
import { headerTransforms } from './header-transforms/config.ts';
import { healthCheck } from './health-check/config.ts';
import { httpHandler } from './http-handler/config.ts';
import { ipRules } from './ip-rules/config.ts';
import { loadBalancing } from './load-balancing/config.ts';
import { metadata } from './metadata/config.ts';
import { loadPriority } from './overload/config.ts';
import { ownAnswer } from './own-answer/config.ts';
import { rateLimit } from './rate-limit/config.ts';
import { requestId } from './request-id/config.ts';
import { retry } from './retry/config.ts';
import { silence } from './silence/config.ts';
import { strangler } from './strangler/config.ts';
import { timeout } from './timeout/config.ts';
import { urls } from './urls/config.ts';
import { versions } from './versions/config.ts';
import { webSocket } from './websocket/config.ts';

/** Named, so that declarations refer to each policy instead of spelling all keys out. */
type Policies = {
  readonly ipRules: typeof ipRules;
  readonly clientCertificate: typeof clientCertificate;
  readonly cors: typeof cors;
  readonly compression: typeof compression;
  readonly headerTransforms: typeof headerTransforms;
  readonly cookies: typeof cookies;
  readonly rateLimit: typeof rateLimit;
  readonly loadPriority: typeof loadPriority;
  readonly requestId: typeof requestId;
  readonly authentication: typeof authentication;
  readonly forwardAuth: typeof forwardAuth;
  readonly loadBalancing: typeof loadBalancing;
  readonly healthCheck: typeof healthCheck;
  readonly retry: typeof retry;
  readonly cache: typeof cache;
  readonly circuitBreaker: typeof circuitBreaker;
  readonly timeout: typeof timeout;
  readonly silence: typeof silence;
  readonly backendProtocol: typeof backendProtocol;
  readonly backendTls: typeof backendTls;
  readonly grpcWeb: typeof grpcWeb;
  readonly httpHandler: typeof httpHandler;
  readonly delegatingHandlers: typeof delegatingHandlers;
  readonly bodySize: typeof bodySize;
  readonly urls: typeof urls;
  readonly webSocket: typeof webSocket;
  readonly metadata: typeof metadata;
};

/**
 * Every policy of routes, dynamic routes and, as defaults, `GlobalConfiguration`. The keys of these three, the JSON schema, the reference
 * and `PolicyConfig` are made of this list. In which order they run is said in `pipeline/compile-route.ts`.
 */
const POLICIES: Policies = {
  ipRules,
  clientCertificate,
  cors,
  compression,
  headerTransforms,
  cookies,
  rateLimit,
  loadPriority,
  requestId,
  authentication,
  forwardAuth,
  loadBalancing,
  healthCheck,
  retry,
  cache,
  circuitBreaker,
  timeout,
  silence,
  backendProtocol,
  backendTls,
  grpcWeb,
  httpHandler,
  delegatingHandlers,
  bodySize,
  urls,
  webSocket,
  metadata,
};

/** Of static routes alone. */
export const ROUTE_POLICY_KEYS = { ...versions.keys, ...claims.keys, ...ownAnswer.keys, ...strangler.keys };
export const POLICY_KEYS: KeysOf<Policies> = keysOf(POLICIES);

/** What the policies of a route are set to. */
export type PolicyConfig = SharedPolicies & RoutePolicies;
type SharedPolicies = AllOf<ReturnType<Policies[keyof Policies]['read']>>;
type RoutePolicies = ReturnType<typeof readRoutePolicies>;

/** The intersection of a union's members. */
type AllOf<Union> = (Union extends unknown ? (one: Union) => void : never) extends (all: infer All) => void
  ? All
  : never;

export type PolicyObject = ConfigObject<typeof POLICY_KEYS>;

/** What static and dynamic routes have in common. */
export function readPolicies(
  own: PolicyObject | undefined,
  global: PolicyObject | undefined,
  owner: PolicyOwner,
  context: PolicyContext,
): SharedPolicies {
  const parts = readAll(POLICIES, { own, global, owner, context });
  return parts as SharedPolicies; // each reader's part, by the type of the list
}

/** What static routes have beside it; a dynamic one has no keys for it. */
export function readRoutePolicies(
  own: ConfigObject<typeof ROUTE_POLICY_KEYS> | undefined,
  global: ConfigObject<typeof strangler.keys> | undefined,
  owner: PolicyOwner,
  context: PolicyContext,
) {
  return {
    ...versions.read({ own, global: undefined, owner, context }),
    ...claims.read({ own, global: undefined, owner, context }),
    ...ownAnswer.read({ own, global: undefined, owner, context }),
    ...strangler.read({ own, global, owner, context }),
  };
}

type Keyed = Readonly<Record<string, { readonly keys: SectionShape }>>;
type KeysOf<All extends Keyed> = AllOf<All[keyof All]['keys']>;

function keysOf<All extends Keyed>(policies: All): KeysOf<All> {
  const keys: object = Object.assign({}, ...Object.values(policies).map((policy) => policy.keys));
  return keys as KeysOf<All>; // of the list, whose members have different ones
}

type Readers = Readonly<
  Record<string, { readonly read: (input: PolicyInput<typeof POLICY_KEYS>) => object }>
>;

function readAll(policies: Readers, input: PolicyInput<typeof POLICY_KEYS>): object {
  return Object.assign({}, ...Object.values(policies).map(({ read }) => read(input)));
}
