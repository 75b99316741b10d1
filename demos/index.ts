import type { Demo } from '@flotilla/cli';
import { aggregation } from './aggregation.ts';
import { autonomy } from './autonomy.ts';
import { bff } from './bff.ts';
import { bulkhead } from './bulkhead.ts';
import { choreography } from './choreography.ts';
import { circuitBreaker } from './circuit-breaker.ts';
import { clientSideDiscovery } from './client-side-discovery.ts';
import { compensation } from './compensation.ts';
import { cqrs } from './cqrs.ts';
import { databasePerService } from './database-per-service.ts';
import { deadLetter } from './dead-letter.ts';
import { decomposition } from './decomposition.ts';
import { eventSourcing } from './event-sourcing.ts';
import { failureIsolation } from './failure-isolation.ts';
import { gatewayRouting } from './gateway-routing.ts';
import { grpc } from './grpc.ts';
import { idempotencyKey } from './idempotency-key.ts';
import { idempotentConsumer } from './idempotent-consumer.ts';
import { jwt } from './jwt.ts';
import { messaging } from './messaging.ts';
import { oidc } from './oidc.ts';
import { outbox } from './outbox.ts';
import { rateLimit } from './rate-limit.ts';
import { rest } from './rest.ts';
import { retry } from './retry.ts';
import { saga } from './saga.ts';
import { serverSideDiscovery } from './server-side-discovery.ts';
import { strangler } from './strangler.ts';
import { timeout } from './timeout.ts';

/** What `flotilla demo` shows, in the order of the guide. */
export const demos: readonly Demo[] = [
  failureIsolation,
  autonomy,
  decomposition,
  databasePerService,
  strangler,
  rest,
  messaging,
  grpc,
  gatewayRouting,
  rateLimit,
  aggregation,
  bff,
  clientSideDiscovery,
  serverSideDiscovery,
  saga,
  choreography,
  compensation,
  outbox,
  idempotentConsumer,
  deadLetter,
  cqrs,
  eventSourcing,
  jwt,
  oidc,
  retry,
  idempotencyKey,
  timeout,
  bulkhead,
  circuitBreaker,
];
