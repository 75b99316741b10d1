import assert from 'node:assert/strict';
import { after, test } from 'node:test';
import type { Endpoint } from '@flotilla/discovery';
import { createMetrics, silentLogger } from '@flotilla/telemetry';
import { type Client, connectivityState } from '@grpc/grpc-js';
import { createChannels } from './channels.ts';
import { createGrpcServer } from './server.ts';

const server = createGrpcServer({ services: [], logger: silentLogger, metrics: createMetrics() });
const grpcPort = await server.listen('127.0.0.1', 0);
after(() => server.close());

const endpoint = (id: string): Endpoint => ({ id, service: 's', host: '127.0.0.1', port: 1, grpcPort });
const open = (idleMs: number) => createChannels({ maxMessageBytes: 1_000, idleMs });
const isOpen = (client: Client) =>
  client.getChannel().getConnectivityState(false) === connectivityState.READY;
const self = async (client: Client) => client;

async function clientOf(channels: ReturnType<typeof open>, id: string): Promise<Client> {
  const client = await channels.use(endpoint(id), 1_000, self);
  assert.ok(client !== 'unreachable');
  return client;
}

test('all calls to an instance share one connection', async () => {
  const channels = open(60_000);
  const clients = await Promise.all([1, 2, 3].map(() => clientOf(channels, 'a')));
  assert.equal(new Set(clients).size, 1);
  assert.notEqual(await clientOf(channels, 'b'), clients[0]);
  channels.close();
});

test('the connection to an instance that is no longer picked is closed; one with a running call is not', async () => {
  const channels = open(0);
  const gone = await clientOf(channels, 'gone');
  let finish: () => void = () => undefined;
  const running = new Promise<void>((resolve) => {
    finish = resolve;
  });
  let busy: Client | undefined;
  const call = channels.use(endpoint('busy'), 1_000, async (client) => {
    busy = client;
    await running;
  });
  await clientOf(channels, 'current');
  assert.ok(!isOpen(gone));
  assert.ok(busy && isOpen(busy));
  finish();
  await call;
  await clientOf(channels, 'current');
  assert.ok(!isOpen(busy));
  channels.close();
});

test('closing ends every connection', async () => {
  const channels = open(60_000);
  const client = await clientOf(channels, 'a');
  channels.close();
  assert.ok(!isOpen(client));
});
