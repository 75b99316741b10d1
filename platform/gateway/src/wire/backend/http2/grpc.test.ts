import assert from 'node:assert/strict';
import { once } from 'node:events';
import { afterEach, beforeEach, test } from 'node:test';
import {
  Client,
  credentials,
  Metadata,
  Server,
  ServerCredentials,
  type ServerDuplexStream,
  type ServerUnaryCall,
  type ServerWritableStream,
  type ServiceDefinition,
  status,
} from '@grpc/grpc-js';
import { type BackendBed, createBackendBed, testOrigin } from '../../../../test/backend-rig.ts';
import { listenHttp2, passTo } from '../../../../test/http2-proxy.ts';

const same = (value: Buffer) => value;
const method = (name: string, requestStream: boolean, responseStream: boolean) => ({
  path: `/test.Echo/${name}`,
  requestStream,
  responseStream,
  requestSerialize: same,
  requestDeserialize: same,
  responseSerialize: same,
  responseDeserialize: same,
});
const echo: ServiceDefinition = {
  unary: method('unary', false, false),
  fail: method('fail', false, false),
  list: method('list', false, true),
  talk: method('talk', true, true),
};

let bed: BackendBed;
let client: Client;
beforeEach(async () => {
  bed = createBackendBed();
  const server = new Server();
  server.addService(echo, {
    unary: (
      call: ServerUnaryCall<Buffer, Buffer>,
      reply: (error: null, value: Buffer, meta: Metadata) => void,
    ) => {
      const trailers = new Metadata();
      trailers.set('x-trailer', ` ${call.metadata.get('x-asked')[0]} `);
      reply(null, call.request, trailers);
    },
    fail: (_call: unknown, reply: (error: object) => void) =>
      reply({ code: status.FAILED_PRECONDITION, details: 'not now' }),
    list: (call: ServerWritableStream<Buffer, Buffer>) => {
      for (let index = 0; index < 100; index += 1) call.write(Buffer.alloc(10_000, index));
      call.end();
    },
    talk: (call: ServerDuplexStream<Buffer, Buffer>) => {
      call.on('data', (value: Buffer) => call.write(value));
      call.on('end', () => call.end());
    },
  });
  const backend = await new Promise<number>((resolve, reject) => {
    server.bindAsync('127.0.0.1:0', ServerCredentials.createInsecure(), (error, port) =>
      error === null ? resolve(port) : reject(error),
    );
  });
  bed.defer(() => server.forceShutdown());
  const proxy = await listenHttp2(bed, passTo(bed, testOrigin(backend, { protocol: '2' })));
  client = new Client(`127.0.0.1:${proxy.port}`, credentials.createInsecure());
  bed.defer(() => client.close());
});
afterEach(() => bed.close());

function unary(path: string): Promise<{ value: Buffer; trailer: unknown }> {
  return new Promise((resolve, reject) => {
    const metadata = new Metadata();
    metadata.set('x-asked', ' yes ');
    let trailer: unknown;
    const call = client.makeUnaryRequest(path, same, same, Buffer.from('hi'), metadata, (error, value) => {
      if (error) reject(error);
      else setImmediate(() => resolve({ value: value ?? Buffer.alloc(0), trailer }));
    });
    call.on('status', (ended) => {
      trailer = ended.metadata.get('x-trailer')[0];
    });
  });
}

test('gRPC passes through, with its trailers; blanks around metadata are no part of it', async () => {
  const { value, trailer } = await unary('/test.Echo/unary');
  assert.equal(value.toString(), 'hi');
  assert.equal(trailer, 'yes');
});

test('a gRPC error keeps its code and text', async () => {
  await assert.rejects(unary('/test.Echo/fail'), { code: status.FAILED_PRECONDITION, details: 'not now' });
});

test('an unknown gRPC method is told by the back end', async () => {
  await assert.rejects(unary('/test.Echo/nothing'), { code: status.UNIMPLEMENTED });
});

test('a gRPC stream passes through', async () => {
  const call = client.makeServerStreamRequest('/test.Echo/list', same, same, Buffer.from('hi'));
  let bytes = 0;
  call.on('data', (value: Buffer) => {
    bytes += value.length;
  });
  await once(call, 'end');
  assert.equal(bytes, 1_000_000);
});

test('gRPC goes both ways at the same time', async () => {
  const call = client.makeBidiStreamRequest<Buffer, Buffer>('/test.Echo/talk', same, same);
  for (const word of ['one', 'two', 'three']) {
    call.write(Buffer.from(word));
    const [answer] = (await once(call, 'data')) as [Buffer];
    assert.equal(answer.toString(), word);
  }
  call.end();
  call.resume();
  const [ended] = (await once(call, 'status')) as [{ code: number }];
  assert.equal(ended.code, status.OK);
});
