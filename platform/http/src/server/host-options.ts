import type { VerifyToken } from '@flotilla/auth';
import type { Edges } from '@flotilla/resilience';
import type { Logger, Metrics } from '@flotilla/telemetry';
import type { FastifyInstance, FastifyRequest } from 'fastify';
import type { RouteHandler } from './handler.ts';
import type { ReadinessCheck } from './health.ts';
import type { LoadOptions } from './load.ts';

/** Adds routes to Fastify directly: for protocols that are not JSON operations. */
export type RawRoutes = (app: FastifyInstance, tools: RawTools) => Promise<void> | void;

export interface RawTools {
  /**
   * Runs `work` as that of a route: in the request's trace and by its deadline. The signal is aborted when the deadline passes, the client
   * leaves or the host is closed by force.
   */
  inRequest<T>(request: FastifyRequest, work: (signal: AbortSignal) => Promise<T>): Promise<T>;
  /** When the host is told to drain: what would go on for ever ends now. The function that comes back takes it away again. */
  onDraining(end: () => void): () => void;
}

export interface HttpHostOptions {
  readonly service: string;
  /** Shown in `/openapi.json`. Default `0.0.0`. */
  readonly version?: string;
  readonly handlers: readonly RouteHandler[];
  /** Needed as soon as one route is not public. */
  readonly verifyToken?: VerifyToken;
  readonly logger: Logger;
  readonly metrics: Metrics;
  /** What must be there before this instance gets traffic, by name. Each check has 1 s. */
  readonly readiness: Readonly<Record<string, ReadinessCheck>>;
  /** Larger bodies are answered 413. Default 256 KiB. */
  readonly bodyLimitBytes?: number;
  /** Longest a request may take before 504. Default 30,000 ms. */
  readonly requestTimeoutMs?: number;
  /** Requests are refused with 503 `overloaded` when there is too much to do, the least important first. `false` = never. */
  readonly load?: LoadOptions | false;
  /** The calls of this service to others, shown at `/resilience`. */
  readonly edges?: Edges;
  /** How long `close` waits for requests in flight before it cuts them. Default 10,000 ms. */
  readonly drainTimeoutMs?: number;
  /**
   * All routes answer below this prefix too, for callers that were built for other paths: `/api` serves `/api/orders` as `/orders`.
   * Starts with a slash and does not end with one.
   */
  readonly alsoBelow?: string;
  /** Adds routes outside of any contract, straight on Fastify. They do their own validation. */
  readonly rawRoutes?: RawRoutes;
}
