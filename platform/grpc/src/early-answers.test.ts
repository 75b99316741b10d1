import assert from 'node:assert/strict';
import { once } from 'node:events';
import { connect } from 'node:http2';
import { test } from 'node:test';
import { createMetrics, silentLogger } from '@flotilla/telemetry';
import { Greeter } from '../gen/flotilla/testing/greeter_pb.ts';
import { implement } from './implement.ts';
import { createGrpcServer } from './server.ts';

const CALL = {
  ':method': 'POST',
  ':path': '/flotilla.testing.Greeter/Greet',
  'content-type': 'application/grpc',
  te: 'trailers',
};
/** `{ name: 'Ada' }`, framed. */
const ADA = Buffer.concat([Buffer.from([0, 0, 0, 0, 5, 10, 3]), Buffer.from('Ada')]);

test('calls that are refused before their message has come whole use up no streams', {
  timeout: 120_000,
}, async () => {
  const greeter = implement(
    Greeter,
    { greet: async ({ name }) => ({ text: name }), hurry: async () => ({ text: '' }) },
    { access: { greet: 'public', hurry: 'public' } },
  );
  const server = createGrpcServer({
    services: [greeter],
    logger: silentLogger,
    metrics: createMetrics(),
    maxMessageBytes: 1_000,
    maxConcurrentStreams: 4,
  });
  const session = connect(`http://127.0.0.1:${await server.listen('127.0.0.1', 0)}`);
  try {
    await once(session, 'remoteSettings');
    // Like grpc-go, these neither end their message nor reset the stream.
    const refused = [
      ['too large', '8', CALL],
      ['no such method', '12', { ...CALL, ':path': '/flotilla.testing.Greeter/Missing' }],
    ] as const;
    for (const [name, status, head] of refused) {
      for (let round = 0; round < 8; round += 1) {
        const stream = session.request(head);
        stream.write(Buffer.concat([Buffer.from([0, 0, 1, 0, 0]), Buffer.alloc(2_000)]));
        const [fields] = (await once(stream, 'response')) as [NodeJS.Dict<string>];
        stream.resume();
        await once(stream, 'close');
        assert.deepEqual([name, fields['grpc-status'], stream.rstCode], [name, status, 0]);
      }
    }
    const stream = session.request(CALL);
    stream.end(ADA);
    const [trailers] = (await once(stream.resume(), 'trailers')) as [NodeJS.Dict<string>];
    assert.equal(trailers['grpc-status'], '0');
  } finally {
    session.destroy();
    await server.close();
  }
});
