import type { Edges } from '@flotilla/resilience';
import { createScrape, type Logger, type Metrics } from '@flotilla/telemetry';
import type { FastifyInstance } from 'fastify';
import { describeRoutes } from '../contract/openapi.ts';
import { type ProblemReply, problem } from '../contract/reply.ts';
import type { Route } from '../contract/route.ts';
import { checkReadiness, createReadiness, type ReadinessCheck } from './health.ts';
import type { InFlight } from './in-flight.ts';
import type { Load } from './load.ts';
import { sendProblem } from './response.ts';
import type { ExchangeOf } from './route-server.ts';

interface OperationsOptions {
  readonly service: string;
  readonly version: string;
  readonly routes: readonly Route[];
  readonly readiness: Readonly<Record<string, ReadinessCheck>>;
  readonly inFlight: InFlight;
  readonly metrics: Metrics;
  readonly logger: Logger;
  readonly exchangeOf: ExchangeOf;
  readonly load: Load | undefined;
  readonly edges?: Edges;
}

/** The paths every service has for those who run it. */
export const OPERATION_PATHS = [
  '/health/live',
  '/health/ready',
  '/metrics',
  '/openapi.json',
  '/resilience',
] as const;

const DRAINING: ProblemReply = problem(503, 'draining', 'This instance is going away.');

export function addOperations(app: FastifyInstance, options: OperationsOptions): void {
  const { service, version, routes, readiness, inFlight, metrics, logger, exchangeOf } = options;
  app.get('/health/live', () => ({ status: 'live', service, version }));
  const isReady = createReadiness(() => checkReadiness(readiness, logger));
  app.get('/health/ready', async (request, reply) => {
    const refusal = inFlight.draining ? DRAINING : await isReady();
    reply.header('cache-control', 'no-store');
    if (refusal === undefined) return { status: 'ready', service };
    sendProblem(reply, refusal, exchangeOf(request, reply.raw).context.trace.traceId);
    return reply;
  });
  const scrape = createScrape(metrics);
  app.get('/metrics', async ({ headers }, reply) => {
    const scraped = await scrape({ accept: headers.accept, acceptEncoding: headers['accept-encoding'] });
    return reply.headers(scraped.headers).send(scraped.body);
  });
  app.get('/resilience', () => ({
    service,
    server: options.load?.state() ?? null,
    edges: options.edges?.state() ?? [],
  }));
  let document: string | undefined;
  app.get('/openapi.json', (_request, reply) => {
    document ??= JSON.stringify(describeRoutes({ title: service, version, routes }));
    return reply.type('application/json; charset=utf-8').send(document);
  });
}
