import assert from 'node:assert/strict';
import { test } from 'node:test';
import { findStale, generateAll } from './generate.ts';
import { parseProto } from './parse-proto.ts';

test('the committed protobuf types are what the .proto files give', async () => {
  const files = await generateAll();
  assert.ok(files.some((file) => file.path === 'shop/contracts/gen/inventory_pb.ts'));
  assert.deepEqual(await findStale(files), [], 'run `npm run generate` and commit the result');
});

test('a file that differs from what would be generated, or is missing, is stale', async () => {
  const [first] = await generateAll();
  assert.ok(first);
  const files = [
    { path: first.path, content: `${first.content}// edited by hand\n` },
    { path: 'shop/contracts/gen/no-such_pb.ts', content: '' },
  ];
  assert.deepEqual(
    await findStale(files),
    files.map((file) => file.path),
  );
});

test('a descriptor names fields, references and comments as protoc does', () => {
  const file = parseProto(
    'shop/thing.proto',
    `syntax = "proto3";
     package shop.v1;
     message Thing {
       // How large it is.
       Size the_size = 1;
       enum Size { SMALL = 0; LARGE = 1; }
     }
     service Things { rpc Put (Thing) returns (stream Thing); }`,
  );
  const field = file.messageType[0]?.field[0];
  assert.equal(file.name, 'shop/thing.proto');
  assert.equal(field?.jsonName, 'theSize');
  assert.equal(field?.typeName, '.shop.v1.Thing.Size');
  assert.equal(file.service[0]?.method[0]?.inputType, '.shop.v1.Thing');
  assert.equal(file.service[0]?.method[0]?.serverStreaming, true);
  assert.deepEqual(
    file.sourceCodeInfo?.location.map(({ path, leadingComments }) => [path.join('.'), leadingComments]),
    [['4.0.2.0', ' How large it is.']],
  );
});
