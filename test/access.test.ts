import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { createTokenVerifier, type VerifyToken } from '@flotilla/auth';
import { createTestIssuer } from '@flotilla/auth/testing';
import { callersOf } from '@flotilla/cli';
import {
  createGrpcClient,
  createGrpcServer,
  type GrpcServer,
  refuse,
  type ServedService,
} from '@flotilla/grpc';
import { createHttpHost, type HttpHost, type Route } from '@flotilla/http';
import { isPlatformError } from '@flotilla/kernel';
import { createMetrics, silentLogger } from '@flotilla/telemetry';
import * as contracts from '@shop/contracts';
import { InventoryService } from '@shop/contracts/gen/inventory';
import system from '../flotilla.config.ts';
import { createInventoryService } from '../shop/inventory/src/grpc.ts';
import { createApiKeyVerifier } from '../shop/payment-provider/src/api-key.ts';
import { type Credentials, createCallers } from './access/callers.ts';
import { type Line, MATRIX, readMatrix } from './access/matrix.ts';

const issuer = createTestIssuer();
const lines = readMatrix(MATRIX);
const routes = Object.values<unknown>(contracts).filter(isRoute);
const inventory = createInventoryService({} as Parameters<typeof createInventoryService>[0]);
const quiet = { logger: silentLogger, metrics: createMetrics() };

function isRoute(value: unknown): value is Route {
  return typeof value === 'object' && value !== null && 'method' in value && 'path' in value;
}

const nameOf = ({ method, path }: Route) => `${method} ${path}`;

function verifierOf(service: string): VerifyToken {
  if (service === 'payment-provider') return createApiKeyVerifier('the key of the payment service');
  const { issuer: iss, audience, keys } = issuer;
  const callers = new Set(callersOf(system, service));
  return createTokenVerifier({ issuer: iss, audience, keys, algorithms: ['ES256'], callers });
}

/** What stands in front of the handlers of a service; they themselves only say that they were reached. */
function frontOf(service: string): HttpHost {
  const served = lines.filter((line) => line.service === service).map(({ endpoint }) => endpoint);
  const handlers = routes
    .filter((route) => served.includes(nameOf(route)))
    .map((route) => ({ route, run: async () => ({ status: 418, problem: { code: 'reached' } }) }));
  return createHttpHost({ ...quiet, service, handlers, verifyToken: verifierOf(service), readiness: {} });
}

async function ask(host: HttpHost, endpoint: string, { token, onBehalfOf }: Credentials): Promise<string> {
  const [method = '', path = ''] = endpoint.split(' ');
  const { statusCode } = await host.inject({
    method: method as 'GET',
    url: path.replaceAll(/:\w+/g, 'some-id'),
    headers: {
      ...(token !== undefined && { authorization: `Bearer ${token}` }),
      ...(onBehalfOf !== undefined && { 'x-on-behalf-of': onBehalfOf }),
    },
  });
  // What is wrong with the rest of the request is said to those who may send it.
  return [400, 415, 418].includes(statusCode) ? 'in' : String(statusCode);
}

describe('every endpoint', () => {
  const hosts = new Map<string, HttpHost>();
  let grpc: GrpcServer;
  let grpcPort: number;
  let callers: Readonly<Record<string, Credentials>>;
  before(async () => {
    callers = await createCallers(issuer, system);
    for (const { service } of lines) if (!hosts.has(service)) hosts.set(service, frontOf(service));
    const reached: ServedService = {
      ...inventory,
      methods: inventory.methods.map((method) => ({
        ...method,
        validate: () => [],
        handle: async () => refuse('UNIMPLEMENTED', 'reached'),
      })),
    };
    grpc = createGrpcServer({ ...quiet, services: [reached], verifyToken: verifierOf('inventory') });
    grpcPort = await grpc.listen('127.0.0.1', 0);
  });
  after(async () => {
    await grpc.close();
    for (const host of hosts.values()) await host.close();
  });

  it('that is declared has a line in the matrix, and every line is of one', () => {
    const methods = inventory.methods.map(({ descriptor }) => `${descriptor.parent.name}/${descriptor.name}`);
    const declared = [...routes.map(nameOf), ...methods].sort();
    // What becomes of a person's data each service answers by the same routes.
    const served = new Set(lines.map(({ endpoint }) => endpoint));
    assert.deepEqual([...served].sort(), declared, 'see test/access/matrix.ts');
  });

  it('has an expectation for every caller, and every caller is asked', () => {
    for (const { endpoint, expected } of lines) {
      assert.deepEqual(Object.keys(expected).sort(), Object.keys(callers).sort());
      for (const [caller, cell] of Object.entries(expected))
        assert.match(cell, /^(in|401|403)$/, `${endpoint}, ${caller}`);
    }
  });

  async function askMethod(endpoint: string, { token, onBehalfOf }: Credentials): Promise<string> {
    const client = createGrpcClient(InventoryService, {
      service: 'inventory',
      pick: async () => ({ id: 'one', service: 'inventory', host: '127.0.0.1', port: 0, grpcPort }),
      metrics: createMetrics(),
      ...(token !== undefined && { token: () => token }),
    });
    const options = { timeoutMs: 20_000, ...(onBehalfOf !== undefined && { onBehalfOf }) };
    const calls: Readonly<Record<string, () => Promise<unknown>>> = {
      'InventoryService/CheckAvailability': () => client.checkAvailability({}, options),
      'InventoryService/ReserveStock': () => client.reserveStock({}, options),
      'InventoryService/ReleaseStock': () => client.releaseStock({}, options),
      'InventoryService/CommitStock': () => client.commitStock({}, options),
    };
    try {
      await calls[endpoint]?.();
      return 'nobody refuses';
    } catch (error) {
      const status = isPlatformError(error) ? String(error.details['status']) : String(error);
      return { UNIMPLEMENTED: 'in', UNAUTHENTICATED: '401', PERMISSION_DENIED: '403' }[status] ?? status;
    } finally {
      client.close();
    }
  }

  async function answersTo({ service, endpoint }: Line): Promise<Readonly<Record<string, string>>> {
    const host = hosts.get(service);
    assert.ok(host);
    const asked = Object.entries(callers).map(async ([caller, credentials]) => {
      const isMethod = !endpoint.includes(' ');
      const given = await (isMethod ? askMethod(endpoint, credentials) : ask(host, endpoint, credentials));
      return [caller, given] as const;
    });
    return Object.fromEntries(await Promise.all(asked));
  }

  for (const line of lines)
    it(`${line.service}: ${line.endpoint}`, async () => {
      assert.deepEqual(await answersTo(line), line.expected);
    });
});
