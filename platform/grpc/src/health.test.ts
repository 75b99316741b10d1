import assert from 'node:assert/strict';
import { test } from 'node:test';
import { create, fromBinary } from '@bufbuild/protobuf';
import { createMetrics, silentLogger } from '@flotilla/telemetry';
import { Client, credentials } from '@grpc/grpc-js';
import { Greeter } from '../gen/flotilla/testing/greeter_pb.ts';
import {
  type HealthCheckRequest,
  HealthCheckRequestSchema,
  HealthCheckResponseSchema,
  type HealthListResponse,
  HealthListResponseSchema,
  HealthCheckResponse_ServingStatus as Serving,
} from '../gen/grpc/health/v1/health_pb.ts';
import { encode } from './codec.ts';
import { implement } from './implement.ts';
import { createGrpcServer } from './server.ts';

const serialize = (request: HealthCheckRequest) => encode(HealthCheckRequestSchema, request);
const deserialize = (bytes: Buffer) => fromBinary(HealthCheckResponseSchema, bytes);
const ask = (service: string) => create(HealthCheckRequestSchema, { service });

async function start() {
  const hello = async () => ({ text: 'hello' });
  const server = createGrpcServer({
    services: [
      implement(Greeter, { greet: hello, hurry: hello }, { access: { greet: 'public', hurry: 'public' } }),
    ],
    logger: silentLogger,
    metrics: createMetrics(),
  });
  const port = await server.listen('127.0.0.1', 0);
  return { server, client: new Client(`127.0.0.1:${port}`, credentials.createInsecure()) };
}

function check(client: Client, service: string): Promise<number> {
  return new Promise((resolve, reject) => {
    client.makeUnaryRequest(
      '/grpc.health.v1.Health/Check',
      serialize,
      deserialize,
      ask(service),
      (error, reply) => (error ? reject(error) : resolve(reply?.status ?? -1)),
    );
  });
}

test('the server and each of its services are serving; another service is not found', async () => {
  const { server, client } = await start();
  assert.equal(await check(client, ''), Serving.SERVING);
  assert.equal(await check(client, 'flotilla.testing.Greeter'), Serving.SERVING);
  await assert.rejects(check(client, 'nobody'), { code: 5 });
  client.close();
  await server.close();
});

test('all of them are listed, as they are at that moment', async () => {
  const { server, client } = await start();
  const list = () =>
    new Promise<HealthListResponse>((resolve, reject) => {
      client.makeUnaryRequest(
        '/grpc.health.v1.Health/List',
        () => Buffer.alloc(0),
        (bytes: Buffer) => fromBinary(HealthListResponseSchema, bytes),
        undefined,
        (error, reply) => (error || !reply ? reject(error) : resolve(reply)),
      );
    });
  const { statuses } = await list();
  assert.deepEqual(
    statuses.map(({ key, value }) => [key, value?.status]),
    [
      ['', Serving.SERVING],
      ['flotilla.testing.Greeter', Serving.SERVING],
    ],
  );
  client.close();
  await server.close();
});

test('a watcher learns that the server is closing, and does not hold it up', async () => {
  const { server, client } = await start();
  const stream = client.makeServerStreamRequest(
    '/grpc.health.v1.Health/Watch',
    serialize,
    deserialize,
    ask(''),
  );
  const seen: number[] = [];
  const ended = new Promise((resolve) => stream.on('end', resolve));
  const first = new Promise((resolve) => stream.once('data', resolve));
  stream.on('data', (reply: { status: number }) => seen.push(reply.status));
  await first;
  await server.close();
  await ended;
  assert.deepEqual(seen, [Serving.SERVING, Serving.NOT_SERVING]);
  client.close();
});
