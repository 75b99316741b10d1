import assert from 'node:assert/strict';
import { dirname } from 'node:path';
import { test } from 'node:test';
import { findStale, generateAll } from './generate.ts';
import { parseProto } from './parse-proto.ts';
import { declaredMetrics } from './telemetry-reference.ts';

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

test('every metric says what it is and in which unit', () => {
  const metrics = declaredMetrics(dirname(import.meta.dirname));
  assert.ok(metrics.length > 60, `${metrics.length} metrics`);
  assert.deepEqual(
    metrics.filter(({ help, unit }) => help === '' || unit === '').map(({ name }) => name),
    [],
  );
});

test('the reference has metrics with their labels, spans with their attributes, and fields of the log', async () => {
  const found =
    (await generateAll()).find(({ path }) => path === 'docs/reference/telemetry.md')?.content ?? '';
  for (const row of [
    /^\| `http_server_request_duration_seconds` +\| histogram +\| `s` +\| `http_request_method` `http_route`/m,
    /^\| `telemetry_refused_total` +\| counter +\| `\{observation\}` +\| `why` +\|/m,
    /^\| `process \{type\}` +\| consumer +\| .*`messaging\.destination\.name`/m,
    /^\| `saga \{direction\} \{name\}` +\| internal +\| .*`saga\.attempt`/m,
    /^\| `messageId` +\| .*platform\/messaging/m,
  ])
    assert.match(found, row);
});
