import assert from 'node:assert/strict';
import { test } from 'node:test';
import { create, createFileRegistry, fromBinary, type MessageInitShape, toBinary } from '@bufbuild/protobuf';
import { FileDescriptorProtoSchema, FileDescriptorSetSchema } from '@bufbuild/protobuf/wkt';
import { createMetrics, silentLogger } from '@flotilla/telemetry';
import { Client, credentials } from '@grpc/grpc-js';
import { Greeter } from '../gen/flotilla/testing/greeter_pb.ts';
import {
  type ServerReflectionRequestSchema as Asked,
  ServerReflectionRequestSchema,
  type ServerReflectionResponse,
  ServerReflectionResponseSchema,
} from '../gen/grpc/reflection/v1/reflection_pb.ts';
import { implement } from './implement.ts';
import { createGrpcServer } from './server.ts';

type Question = NonNullable<MessageInitShape<typeof Asked>['messageRequest']>;

async function start(reflection: boolean) {
  const hello = async () => ({ text: 'hello' });
  const server = createGrpcServer({
    services: [
      implement(Greeter, { greet: hello, hurry: hello }, { access: { greet: 'public', hurry: 'public' } }),
    ],
    logger: silentLogger,
    metrics: createMetrics(),
    reflection,
  });
  const port = await server.listen('127.0.0.1', 0);
  return { server, client: new Client(`127.0.0.1:${port}`, credentials.createInsecure()) };
}

/** All questions on one stream, answered in turn. */
async function ask(client: Client, questions: readonly Question[], version = 'v1') {
  const stream = client.makeBidiStreamRequest(
    `/grpc.reflection.${version}.ServerReflection/ServerReflectionInfo`,
    (message: MessageInitShape<typeof Asked>) =>
      Buffer.from(toBinary(ServerReflectionRequestSchema, create(ServerReflectionRequestSchema, message))),
    (bytes: Buffer) => fromBinary(ServerReflectionResponseSchema, bytes),
  );
  for (const messageRequest of questions) stream.write({ messageRequest });
  stream.end();
  const answers: ServerReflectionResponse['messageResponse'][] = [];
  for await (const answer of stream) answers.push((answer as ServerReflectionResponse).messageResponse);
  return answers;
}

test('a tool sees the services and can build their types from the files, by both versions', async () => {
  const { server, client } = await start(true);
  for (const version of ['v1', 'v1alpha']) {
    const [services, files] = await ask(
      client,
      [
        { case: 'listServices', value: '' },
        { case: 'fileContainingSymbol', value: 'flotilla.testing.Greeter.Greet' },
      ],
      version,
    );
    assert.ok(services?.case === 'listServicesResponse' && files?.case === 'fileDescriptorResponse');
    const names = services.value.service.map(({ name }) => name);
    assert.deepEqual(names, [
      'flotilla.testing.Greeter',
      'grpc.health.v1.Health',
      'grpc.reflection.v1.ServerReflection',
    ]);
    const file = files.value.fileDescriptorProto.map((bytes) => fromBinary(FileDescriptorProtoSchema, bytes));
    const registry = createFileRegistry(create(FileDescriptorSetSchema, { file }));
    assert.deepEqual(
      registry.getService('flotilla.testing.Greeter')?.methods.map(({ name }) => name),
      ['Greet', 'Hurry'],
    );
  }
  client.close();
  await server.close();
});

test('what is not there is an answer, and the stream goes on', async () => {
  const { server, client } = await start(true);
  const answers = await ask(client, [
    { case: 'fileContainingSymbol', value: 'nobody.Knows' },
    { case: 'fileByFilename', value: '../etc/passwd' },
    { case: 'fileContainingExtension', value: { containingType: 'x', extensionNumber: 1 } },
    { case: undefined },
    { case: 'listServices', value: '' },
  ]);
  assert.deepEqual(
    answers.map((answer) => (answer.case === 'errorResponse' ? answer.value.errorCode : answer.case)),
    [5, 5, 5, 3, 'listServicesResponse'],
  );
  client.close();
  await server.close();
});

test('is not there unless it is asked for', async () => {
  const { server, client } = await start(false);
  await assert.rejects(ask(client, [{ case: 'listServices', value: '' }]), { code: 12 });
  client.close();
  await server.close();
});
