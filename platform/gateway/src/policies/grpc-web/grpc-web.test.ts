import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { promisify } from 'node:util';
import { create, createFileRegistry, fromBinary, toBinary } from '@bufbuild/protobuf';
import {
  FileDescriptorProtoSchema,
  file_google_protobuf_wrappers,
  type StringValue,
  StringValueSchema,
} from '@bufbuild/protobuf/wkt';
import { type CallOptions, Code, ConnectError, createClient } from '@connectrpc/connect';
import { createGrpcWebTransport } from '@connectrpc/connect-web';
import {
  Metadata,
  Server,
  ServerCredentials,
  type ServerUnaryCall,
  type ServerWritableStream,
  type sendUnaryData,
  status,
} from '@grpc/grpc-js';
import { problemsOf, ROUTE } from '../../../test/config.ts';
import { createTestBed, routeTo } from '../../../test/gateway.ts';
import { createBase64Decoder } from './base64.ts';

const bed = createTestBed();
const server = new Server();
after(async () => {
  await bed.close();
  server.forceShutdown();
});

const TYPE = '.google.protobuf.StringValue';
const file = create(FileDescriptorProtoSchema, {
  ...{
    name: 'echo.proto',
    package: 'echo',
    syntax: 'proto3',
    dependency: ['google/protobuf/wrappers.proto'],
  },
  service: [
    {
      name: 'Echo',
      method: [
        { name: 'Say', inputType: TYPE, outputType: TYPE },
        { name: 'Count', inputType: TYPE, outputType: TYPE, serverStreaming: true },
      ],
    },
  ],
});
const service = createFileRegistry(file, (name) =>
  name === file_google_protobuf_wrappers.proto.name ? file_google_protobuf_wrappers.proto : undefined,
).getService('echo.Echo');
assert.ok(service);

const method = (name: string, responseStream: boolean) => ({
  ...{ path: `/echo.Echo/${name}`, requestStream: false, responseStream },
  requestSerialize: (value: StringValue) => Buffer.from(toBinary(StringValueSchema, value)),
  requestDeserialize: (bytes: Buffer) => fromBinary(StringValueSchema, bytes),
  responseSerialize: (value: StringValue) => Buffer.from(toBinary(StringValueSchema, value)),
  responseDeserialize: (bytes: Buffer) => fromBinary(StringValueSchema, bytes),
});
const answer = (value: string) => create(StringValueSchema, { value });

/** What the description of the service makes of the client at run time. */
interface Echo {
  say(input: StringValue, options: CallOptions): Promise<StringValue>;
  count(input: StringValue): AsyncIterable<StringValue>;
}

const H2C = { DownstreamHttpVersion: '2.0', DownstreamHttpVersionPolicy: 'RequestVersionExact' };
const ORIGIN = 'https://shop.test';
const CorsOptions = { AllowedOrigins: [ORIGIN], AllowedHeaders: ['*'], ExposedHeaders: ['X-Own'] };

describe('gRPC-Web', () => {
  let url: string;
  before(async () => {
    server.addService(
      { Say: method('Say', false), Count: method('Count', true) },
      {
        Say: ({ request }: ServerUnaryCall<StringValue, StringValue>, done: sendUnaryData<StringValue>) => {
          const trailers = new Metadata();
          trailers.set('x-end', 'over');
          if (request.value === 'fail') done({ code: status.FAILED_PRECONDITION, details: 'not now: 100 %' });
          else done(null, answer(`you said ${request.value}`), trailers);
        },
        Count: (call: ServerWritableStream<StringValue, StringValue>) => {
          for (const value of call.request.value.split(' ')) call.write(answer(value));
          call.end();
        },
      },
    );
    const bind = promisify(server.bindAsync.bind(server));
    const port = await bind('127.0.0.1:0', ServerCredentials.createInsecure());
    url = await bed.gateway({
      Routes: [
        routeTo(port, '/echo.Echo/{method}', { ...H2C, GrpcWeb: true, CorsOptions }),
        routeTo(port, '/guarded/echo.Echo/{method}', {
          ...{ ...H2C, GrpcWeb: true, CorsOptions, DownstreamPathTemplate: '/echo.Echo/{method}' },
          AuthenticationOptions: { AuthenticationProviderKey: 'Bearer' },
        }),
        routeTo(1, '/away/echo.Echo/{method}', { ...H2C, GrpcWeb: true }),
      ],
    });
  });
  const client = (path = ''): Echo => {
    const made: unknown = createClient(service, createGrpcWebTransport({ baseUrl: url + path }));
    return made as Echo;
  };
  const say = (path: string, value: string, options: CallOptions = {}) =>
    client(path).say(answer(value), options);

  it('is spoken with the client of browsers: calls, trailers, errors', async () => {
    let trailers: Headers | undefined;
    const onTrailer = (all: Headers) => {
      trailers = all;
    };
    assert.equal((await say('', 'hello', { onTrailer })).value, 'you said hello');
    assert.equal(trailers?.get('x-end'), 'over');
    await assert.rejects(say('', 'fail'), (error) => {
      assert.ok(error instanceof ConnectError);
      assert.deepEqual([error.code, error.rawMessage], [Code.FailedPrecondition, 'not now: 100 %']);
      return true;
    });
  });

  it('streams', async () => {
    const seen: string[] = [];
    for await (const { value } of client().count(answer('one two three'))) seen.push(value);
    assert.deepEqual(seen, ['one', 'two', 'three']);
  });

  it('is refused with statuses that the client reads', async () => {
    const codeOf = async (path: string) => {
      const error = await say(path, 'x').then(
        () => undefined,
        (thrown: unknown) => ConnectError.from(thrown),
      );
      return error?.code;
    };
    assert.equal(await codeOf('/guarded'), Code.Unauthenticated);
    assert.equal(await codeOf('/away'), Code.Unavailable);
    assert.equal(await codeOf('/nowhere'), Code.Unimplemented);
  });

  const frame = (bytes: Uint8Array) => {
    const prefix = Buffer.alloc(5);
    prefix.writeUInt32BE(bytes.length, 1);
    return Buffer.concat([prefix, bytes]);
  };
  const sendText = (body: string) =>
    fetch(`${url}/echo.Echo/Say`, {
      ...{ method: 'POST', body },
      headers: { 'content-type': 'application/grpc-web-text+proto', origin: ORIGIN },
    });

  it('is spoken as text, too, and the page of another origin may read the outcome', async () => {
    const sent = frame(toBinary(StringValueSchema, answer('text')));
    const parts = [sent.subarray(0, 5), sent.subarray(5)].map((part) => part.toString('base64')).join('');
    for (const body of [sent.toString('base64'), parts]) {
      const response = await sendText(body);
      assert.equal(response.headers.get('content-type'), 'application/grpc-web-text+proto');
      assert.equal(response.headers.get('access-control-allow-origin'), ORIGIN);
      assert.match(response.headers.get('access-control-expose-headers') ?? '', /^X-Own, grpc-status, /);
      const decoded = createBase64Decoder().feed(Buffer.from(await response.text()));
      assert.ok(decoded);
      const length = decoded.readUInt32BE(1);
      assert.equal(fromBinary(StringValueSchema, decoded.subarray(5, 5 + length)).value, 'you said text');
      const trailers = decoded.subarray(5 + length);
      assert.equal(trailers[0], 0x80);
      assert.match(trailers.subarray(5).toString(), /grpc-status: 0\r\n/);
    }
    for (const broken of ['####', 'AAA', `${sent.toString('base64')}A`])
      assert.equal((await sendText(broken)).headers.get('grpc-status'), '3', broken);
  });

  it('leaves other requests alone', async () => {
    const response = await fetch(`${url}/echo.Echo/Say`, {
      method: 'POST',
      body: '{}',
      headers: { 'content-type': 'application/json' },
    });
    assert.equal(response.status, 415, 'it is the back end who refuses it');
  });

  it('needs a back end that speaks HTTP/2', () => {
    assert.match(
      problemsOf({ Routes: [{ ...ROUTE, GrpcWeb: true }] }).join(),
      /^Routes\[0\]\.GrpcWeb: needs a back end/,
    );
  });
});

it('base64 is decoded wherever it is cut', () => {
  const text = ['one', 'twenty', 'x', ''].map((part) => Buffer.from(part).toString('base64')).join('');
  for (let size = 1; size <= text.length; size += 1) {
    const decoder = createBase64Decoder();
    let decoded = '';
    for (let at = 0; at < text.length; at += size)
      decoded += decoder.feed(Buffer.from(text.slice(at, at + size)));
    assert.equal(decoded, 'onetwentyx');
    assert.equal(decoder.isOpen, false);
  }
  for (const bad of ['A===', '=AAA', 'AA-_', 'AA\nA'])
    assert.equal(createBase64Decoder().feed(Buffer.from(bad)), undefined, bad);
});
