import assert from 'node:assert/strict';
import { afterEach, describe, test } from 'node:test';
import { createTokenVerifier, requireScope } from '@flotilla/auth';
import { createTestIssuer } from '@flotilla/auth/testing';
import type { Endpoint } from '@flotilla/discovery';
import { PlatformError } from '@flotilla/kernel';
import { eventually } from '@flotilla/kernel/testing';
import {
  createMetrics,
  currentContext,
  newTrace,
  remainingMs,
  runInContext,
  silentLogger,
} from '@flotilla/telemetry';
import { Greeter } from '../gen/flotilla/testing/greeter_pb.ts';
import { createGrpcClient, type GrpcClientOptions } from './client.ts';
import { type GrpcCall, type Handlers, implement, refuse } from './implement.ts';
import { createGrpcServer, type GrpcServerOptions } from './server.ts';

const issuer = createTestIssuer();
const closing: (() => Promise<void> | void)[] = [];

afterEach(async () => {
  for (const close of closing.splice(0).reverse()) await close();
});

type Greet = Handlers<typeof Greeter>['greet'];

const hello: Greet = async ({ name }) => ({ text: `Hello, ${name}` });

async function serve(greet: Greet, options: Partial<GrpcServerOptions> = {}) {
  const metrics = createMetrics();
  const server = createGrpcServer({
    services: [
      implement(
        Greeter,
        { greet, hurry: hello },
        {
          access: { greet: 'public', hurry: requireScope('hurry') },
          validate: {
            greet: ({ name }) => (name === '' ? [{ path: '/name', message: 'must not be empty' }] : []),
          },
        },
      ),
    ],
    verifyToken: issuer.verify,
    logger: silentLogger,
    metrics,
    ...options,
  });
  const port = await server.listen('127.0.0.1', 0);
  closing.push(() => server.close());
  return { server, port, metrics };
}

const endpoint = (port: number, id = `greeter-${port}`): Endpoint => ({
  id,
  service: 'greeter',
  host: '127.0.0.1',
  port: 1,
  grpcPort: port,
});

/** Hands out the endpoints in the given order, skipping excluded ones. */
function pickFrom(...endpoints: Endpoint[]): GrpcClientOptions['pick'] {
  return async (_service, options) => {
    const found = endpoints.find((candidate) => !options?.exclude?.has(candidate.id));
    if (!found) throw new PlatformError('DISCOVERY_NO_ENDPOINT', 'none', { retryable: true });
    return found;
  };
}

function connect(pick: GrpcClientOptions['pick'], options: Partial<GrpcClientOptions> = {}) {
  const metrics = createMetrics();
  const client = createGrpcClient(Greeter, { service: 'greeter', pick, metrics, ...options });
  closing.push(client.close);
  return Object.assign(client, { metrics });
}

async function freePort(): Promise<number> {
  const { server, port } = await serve(hello);
  await server.close();
  return port;
}

const failing = (code: string, extra: object = {}) => ({ name: 'PlatformError', code, ...extra });

describe('a call', () => {
  test('reaches the handler and brings its answer back, typed', async () => {
    const { port, metrics } = await serve(hello);
    const client = connect(pickFrom(endpoint(port)));
    const answer = await client.greet({ name: 'Ada' });
    assert.equal(answer.text, 'Hello, Ada');
    assert.match(
      metrics.render(),
      /rpc_server_call_duration_seconds_count\{rpc_method="flotilla.testing.Greeter\/Greet",rpc_response_status_code="OK"\} 1/,
    );
    assert.match(client.metrics.render(), /rpc_client_call_duration_seconds_count\{.*"OK"\} 1/);
  });

  test('carries trace and deadline to the handler', async () => {
    const seen: { traceId?: string | undefined; remainingMs?: number | undefined } = {};
    const { port } = await serve(async () => {
      seen.traceId = currentContext()?.trace.traceId;
      seen.remainingMs = remainingMs();
      return { text: '' };
    });
    const client = connect(pickFrom(endpoint(port)));
    const trace = newTrace();
    await runInContext({ trace, deadlineAt: performance.now() + 60_000 }, () => client.greet({ name: 'x' }));
    assert.equal(seen.traceId, trace.traceId);
    assert.ok(seen.remainingMs !== undefined && seen.remainingMs > 0 && seen.remainingMs <= 60_000);
  });

  test('that is invalid is refused with the issues, before the handler sees it', async () => {
    const { port } = await serve(() => assert.fail('must not be called'));
    await assert.rejects(
      connect(pickFrom(endpoint(port))).greet({}),
      (error: PlatformError) =>
        error.code === 'GRPC_REJECTED' &&
        error.details['status'] === 'INVALID_ARGUMENT' &&
        error.message.endsWith('/name must not be empty'),
    );
  });

  test('that the handler refuses ends with its status and message', async () => {
    const { port } = await serve(async () => refuse('NOT_FOUND', 'nobody of that name'));
    await assert.rejects(
      connect(pickFrom(endpoint(port))).greet({ name: 'x' }),
      failing('GRPC_REJECTED', { retryable: false, message: /NOT_FOUND: nobody of that name/ }),
    );
  });

  test('larger than the limit is refused', async () => {
    const { port } = await serve(hello, { maxMessageBytes: 1_000 });
    await assert.rejects(
      connect(pickFrom(endpoint(port))).greet({ name: 'x'.repeat(2_000) }),
      failing('GRPC_REJECTED'),
    );
  });
});

describe('a fault of the handler', () => {
  test('tells the caller nothing about the inside', async () => {
    const { port } = await serve(async () => {
      throw new Error('password=hunter2 at db.internal');
    });
    await assert.rejects(connect(pickFrom(endpoint(port))).greet({ name: 'x' }), (error: PlatformError) => {
      assert.equal(error.code, 'GRPC_FAILED');
      assert.equal(error.message, 'flotilla.testing.Greeter/Greet: INTERNAL: internal error');
      return true;
    });
  });

  test('that may pass makes the service unavailable for this call', async () => {
    const { port } = await serve(async () => {
      throw new PlatformError('POSTGRES_UNAVAILABLE', 'no connection to 10.0.0.7', { retryable: true });
    });
    await assert.rejects(
      connect(pickFrom(endpoint(port))).greet({ name: 'x' }),
      failing('GRPC_UNAVAILABLE', { retryable: true, message: /: temporarily unavailable$/ }),
    );
  });
});

describe('access', () => {
  const hurryWith = async (
    options: Partial<GrpcClientOptions>,
    serverOptions?: Partial<GrpcServerOptions>,
  ) => {
    const { port } = await serve(hello, serverOptions);
    return await connect(pickFrom(endpoint(port)), options).hurry({ name: 'Ada' });
  };

  test('is given to a token that the policy allows', async () => {
    const answer = await hurryWith({ token: () => issuer.sign({ scope: 'other hurry' }) });
    assert.equal(answer.text, 'Hello, Ada');
  });

  test('is refused without a token, with a forged one and with one of too little scope', async () => {
    const rejected = (status: string) => (error: PlatformError) => error.details['status'] === status;
    await assert.rejects(hurryWith({}), rejected('UNAUTHENTICATED'));
    const forger = createTestIssuer();
    await assert.rejects(
      hurryWith({ token: () => forger.sign({ scope: 'hurry' }) }),
      rejected('UNAUTHENTICATED'),
    );
    await assert.rejects(
      hurryWith({ token: () => issuer.sign({ scope: 'rest' }) }),
      rejected('PERMISSION_DENIED'),
    );
  });

  test('looks at the rights of the user in whose name a service calls, and lets no other service in', async () => {
    const verifyToken = createTokenVerifier({ ...issuer, algorithms: ['ES256'], callers: new Set(['cart']) });
    const { port } = await serve(hello, { verifyToken });
    const hurry = (service: string, onBehalfOf: string) =>
      connect(pickFrom(endpoint(port)), {
        token: () => issuer.sign({ sub: service, client_id: service, scope: 'hurry' }),
      }).hurry({ name: 'Ada' }, { onBehalfOf });
    const refused = (error: PlatformError) => error.details['status'] === 'PERMISSION_DENIED';
    const able = await issuer.sign({ scope: 'hurry' });
    assert.equal((await hurry('cart', able)).text, 'Hello, Ada');
    await assert.rejects(hurry('cart', await issuer.sign({ scope: 'rest' })), refused);
    await assert.rejects(hurry('payment', able), refused);
    // Or by one token that was made of both.
    const exchange = (user: string) =>
      issuer.sign({ sub: user, scope: 'hurry', client_id: 'cart', act: { sub: 'cart' } });
    const client = connect(pickFrom(endpoint(port)), { exchange });
    assert.equal((await client.hurry({ name: 'Bo' }, { onBehalfOf: 'bob' })).text, 'Hello, Bo');
  });

  test('has to be declared, or the service is not made', () => {
    const handlers = { greet: hello, hurry: hello };
    const access = { greet: 'public' } as unknown as { greet: 'public'; hurry: 'public' };
    assert.throws(() => implement(Greeter, handlers, { access }), { code: 'AUTH_POLICY_MISSING' });
  });

  test('is undecided while the keys cannot be loaded: the caller may try again', async () => {
    const verifyToken = async () => {
      throw new PlatformError('AUTH_KEYS_UNAVAILABLE', 'no keys', { retryable: true });
    };
    await assert.rejects(hurryWith({ token: () => 'any' }, { verifyToken }), failing('GRPC_UNAVAILABLE'));
  });

  test('cannot be guarded without a verifier: the server is not even made', () => {
    const services = [
      implement(
        Greeter,
        { greet: hello, hurry: hello },
        { access: { greet: 'public', hurry: requireScope('x') } },
      ),
    ];
    assert.throws(
      () => createGrpcServer({ services, logger: silentLogger, metrics: createMetrics() }),
      TypeError,
    );
  });
});

describe('a caller that stops waiting', () => {
  const never =
    (calls: GrpcCall[]): Greet =>
    async (_request, call) => {
      calls.push(call);
      return await new Promise<never>(() => undefined);
    };

  test('at its deadline gets GRPC_DEADLINE, and the handler is told', async () => {
    const calls: GrpcCall[] = [];
    const { port } = await serve(never(calls));
    const client = connect(pickFrom(endpoint(port)));
    await assert.rejects(
      client.greet({ name: 'x' }, { timeoutMs: 200 }),
      failing('GRPC_DEADLINE', { retryable: true }),
    );
    await eventually('the handler is aborted', () => calls[0]?.signal.aborted);
  });

  test('by its signal gets GRPC_CANCELLED, and the handler is told', async () => {
    const calls: GrpcCall[] = [];
    const { port } = await serve(never(calls));
    const controller = new AbortController();
    const answer = connect(pickFrom(endpoint(port))).greet({ name: 'x' }, { signal: controller.signal });
    const outcome = assert.rejects(answer, failing('GRPC_CANCELLED'));
    await eventually('the call has arrived', () => calls.length === 1);
    controller.abort();
    await outcome;
    await eventually('the handler is aborted', () => calls[0]?.signal.aborted);
  });

  test('is not the end of a call that was answered: its handler is told nothing', async () => {
    const calls: GrpcCall[] = [];
    const { port } = await serve(async (_request, call) => {
      calls.push(call);
      return { text: '' };
    });
    const client = connect(pickFrom(endpoint(port)));
    // By the end of the second the first has been taken down on both sides.
    for (let count = 0; count < 2; count += 1) await client.greet({ name: 'x' });
    await new Promise(setImmediate);
    assert.deepEqual(
      calls.map(({ signal }) => signal.aborted),
      [false, false],
    );
  });

  test('before it began sends nothing', async () => {
    const calls: GrpcCall[] = [];
    const { port } = await serve(never(calls));
    const client = connect(pickFrom(endpoint(port)));
    await assert.rejects(
      client.greet({ name: 'x' }, { signal: AbortSignal.abort() }),
      failing('GRPC_CANCELLED'),
    );
    const late = { trace: newTrace(), deadlineAt: performance.now() - 1 };
    await assert.rejects(
      runInContext(late, () => client.greet({ name: 'x' })),
      failing('GRPC_DEADLINE'),
    );
    assert.equal(calls.length, 0);
  });

  test('later than the server allows is cut by the server', async () => {
    const { port } = await serve(never([]), { maxTimeoutMs: 100 });
    const client = connect(pickFrom(endpoint(port)), { timeoutMs: 60_000 });
    await assert.rejects(client.greet({ name: 'x' }), failing('GRPC_DEADLINE'));
  });
});

describe('an instance that cannot be reached', () => {
  test('costs one more attempt on another instance', async () => {
    const dead = endpoint(await freePort());
    const { port } = await serve(hello);
    const answer = await connect(pickFrom(dead, endpoint(port))).greet({ name: 'Ada' });
    assert.equal(answer.text, 'Hello, Ada');
  });

  test('and is the only one makes the call GRPC_UNAVAILABLE', async () => {
    const client = connect(pickFrom(endpoint(await freePort())), { timeoutMs: 60_000 });
    await assert.rejects(client.greet({ name: 'x' }), failing('GRPC_UNAVAILABLE', { retryable: true }));
    assert.match(client.metrics.render(), /rpc_response_status_code="UNAVAILABLE"\} 1/);
  });

  test('is used again as soon as it is back', async () => {
    const { server, port } = await serve(hello);
    const client = connect(pickFrom(endpoint(port)));
    await client.greet({ name: 'x' });
    await server.close();
    await assert.rejects(client.greet({ name: 'x' }, { timeoutMs: 60_000 }), failing('GRPC_UNAVAILABLE'));
    const again = createGrpcServer({
      services: [
        implement(Greeter, { greet: hello, hurry: hello }, { access: { greet: 'public', hurry: 'public' } }),
      ],
      logger: silentLogger,
      metrics: createMetrics(),
    });
    await again.listen('127.0.0.1', port);
    closing.push(() => again.close());
    assert.equal((await client.greet({ name: 'Ada' })).text, 'Hello, Ada');
  });

  test('without a gRPC port counts as unreachable', async () => {
    const { grpcPort: _, ...httpOnly } = endpoint(1, 'http-only');
    const { port } = await serve(hello);
    assert.equal(
      (await connect(pickFrom(httpOnly, endpoint(port))).greet({ name: 'Ada' })).text,
      'Hello, Ada',
    );
  });

  test('breaks a call that was sent, which is not repeated', async () => {
    let calls = 0;
    const broken = await serve(
      async () => {
        calls += 1;
        return await new Promise<never>(() => undefined);
      },
      { drainTimeoutMs: 50 },
    );
    const { port } = await serve(hello);
    const answer = connect(pickFrom(endpoint(broken.port), endpoint(port))).greet({ name: 'x' });
    const outcome = assert.rejects(answer, (error: PlatformError) => error.retryable);
    await eventually('the call has arrived', () => calls === 1);
    await broken.server.close();
    await outcome;
    assert.equal(calls, 1);
  });
});

test('an instance that was restarted on another port is found at its new one', async () => {
  const first = await serve(hello);
  const second = await serve(async () => ({ text: 'from the second port' }));
  let current = endpoint(first.port, 'greeter-1');
  const client = connect(async () => current);
  await client.greet({ name: 'x' });
  current = endpoint(second.port, 'greeter-1');
  assert.equal((await client.greet({ name: 'x' })).text, 'from the second port');
});

test('closing waits for the running call', async () => {
  let finish: () => void = () => undefined;
  let arrived = false;
  const { server, port } = await serve(async () => {
    arrived = true;
    await new Promise<void>((resolve) => {
      finish = resolve;
    });
    return { text: 'finished' };
  });
  const answer = connect(pickFrom(endpoint(port))).greet({ name: 'x' });
  await eventually('the call has arrived', () => arrived);
  const closed = server.close();
  finish();
  assert.equal((await answer).text, 'finished');
  await closed;
});

test('a port that is taken is an error that names it', async () => {
  const { port } = await serve(hello);
  const second = createGrpcServer({ services: [], logger: silentLogger, metrics: createMetrics() });
  closing.push(() => second.close());
  await assert.rejects(
    second.listen('127.0.0.1', port),
    failing('GRPC_LISTEN_FAILED', { message: new RegExp(`:${port}`) }),
  );
});

test('closing a client ends its running calls', async () => {
  let arrived = false;
  const { port } = await serve(
    async () => {
      arrived = true;
      return await new Promise<never>(() => undefined);
    },
    { drainTimeoutMs: 50 },
  );
  const client = connect(pickFrom(endpoint(port)));
  const outcome = assert.rejects(client.greet({ name: 'x' }), failing('GRPC_CANCELLED', { retryable: true }));
  await eventually('the call has arrived', () => arrived);
  client.close();
  await outcome;
});
