import { createTestIssuer, type TestIssuer } from '@flotilla/auth/testing';
import { createHttpHost, type RouteHandler } from '@flotilla/http';
import { type Clock, type NewId, systemClock, uuidv7 } from '@flotilla/kernel';
import {
  type Consumer,
  createConsumer,
  createOutbox,
  type Handler,
  type MessageType,
  type Outbox,
} from '@flotilla/messaging';
import { createMemoryTransport, createTestMessage } from '@flotilla/messaging/testing';
import type { Database, MigrationSource } from '@flotilla/postgres';
import { createTestDatabase } from '@flotilla/postgres/testing';
import { createMetrics, currentActing, type Logger, type Metrics, silentLogger } from '@flotilla/telemetry';
import type { ConsumeOptions } from '../open-bus.ts';
import type { StartedService } from '../service.ts';

export { type ServiceProcess, startServiceProcess } from './service-process.ts';

export interface TestRequest {
  /** Claims of the caller's token; without them the request has no token. The same object is the same token. */
  readonly as?: Readonly<Record<string, unknown>>;
  readonly body?: object;
  readonly headers?: Readonly<Record<string, string>>;
}

export interface TestResponse<Body> {
  readonly status: number;
  readonly headers: Readonly<Record<string, unknown>>;
  /** `{}` when it is empty. What is in it the test says, and asserts. */
  readonly body: Body;
}

/**
 * What the tests of a service stand on, and what its app is made of: `createOrderApp({ ...service, … })`. The database is
 * real, routes are called without a socket, messages come from memory; what the outbox holds is in the database.
 */
export interface TestService {
  /** In the role of the service, which owns no table: row security holds as in production. */
  readonly db: Database;
  /** As the owner of the tables, for what a test looks at and prepares. */
  readonly owner: Database;
  readonly uri: string;
  readonly outbox: Outbox;
  readonly logger: Logger;
  readonly metrics: Metrics;
  readonly clock: Clock;
  readonly newId: NewId;
  readonly issuer: TestIssuer;
  serve(handlers: readonly RouteHandler[], options?: Pick<StartedService, 'verifyToken' | 'alsoBelow'>): void;
  request<Body = Record<string, unknown>>(
    method: 'GET' | 'PUT' | 'POST' | 'PATCH' | 'DELETE',
    url: string,
    request?: TestRequest,
  ): Promise<TestResponse<Body>>;
  consume(handlers: readonly Handler[], options?: ConsumeOptions): Promise<void>;
  /** Publishes a message as another service would; returns its id. */
  publish<T>(type: MessageType<T>, data: T, id?: string): Promise<string>;
  /** Closes everything, after what was deferred. */
  close(): Promise<void>;
  defer(close: () => Promise<void>): void;
}

/** A service of that name on a database of its own, on the test server that `FLOTILLA_TEST_POSTGRES` names. */
export async function createTestService(
  name: string,
  migrations: readonly MigrationSource[],
): Promise<TestService> {
  const database = await createTestDatabase(migrations);
  const { db: owner, uri } = database;
  const db = await database.asService(currentActing);
  const closers: (() => Promise<void>)[] = [database.close];
  const defer = (close: () => Promise<void>) => void closers.push(close);
  const issuer = createTestIssuer();
  const observed = { logger: silentLogger, metrics: createMetrics() };
  const transport = createMemoryTransport();
  const tokens = new WeakMap<object, Promise<string>>();
  const tokenOf = (claims: Readonly<Record<string, unknown>>) => {
    const token = tokens.get(claims) ?? issuer.sign(claims);
    tokens.set(claims, token);
    return token;
  };
  let host: ReturnType<typeof createHttpHost> | undefined;

  /** A handler that is particular gets messages of a service that it takes them of. */
  const sources = new Map<string, string>();

  return {
    ...observed,
    ...{
      db,
      owner,
      uri,
      issuer,
      defer,
      clock: systemClock,
      newId: uuidv7,
      outbox: createOutbox({ source: name }),
    },
    serve: (handlers, options = {}) => {
      const serving = createHttpHost({
        ...observed,
        ...{ service: name, handlers, readiness: {}, verifyToken: issuer.verify },
        ...options,
      });
      host = serving;
      defer(() => serving.close());
    },
    request: async (method, url, { as, body, headers = {} } = {}) => {
      if (!host) throw new TypeError('serve first');
      const response = await host.inject({
        ...{ method, url },
        headers: { ...(as && { authorization: `Bearer ${await tokenOf(as)}` }), ...headers },
        ...(body && { payload: body }),
      });
      return {
        status: response.statusCode,
        headers: response.headers,
        body: JSON.parse(response.body || '{}'),
      };
    },
    consume: async (handlers, options = {}) => {
      for (const { type, from = [] } of handlers) if (from[0] !== undefined) sources.set(type, from[0]);
      const consumer: Consumer = createConsumer({ ...observed, ...options, name, db, transport, handlers });
      defer(() => consumer.close());
      await consumer.start();
    },
    publish: async (type, data, id = uuidv7()) => {
      const source = sources.get(type.type);
      await transport.publish([
        createTestMessage(type, data, { id, ...(source !== undefined && { source }) }),
      ]);
      return id;
    },
    close: async () => {
      for (let close = closers.pop(); close; close = closers.pop()) await close();
    },
  };
}
