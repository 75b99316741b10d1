import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { type ReadSlicesOptions, readSlices, type Slice } from './slices.ts';

const http = [{ name: 'http', port: 8080 }];
const pod = (name: string, conditions = {}, address = `10.0.0.${name.length}`) => ({
  addresses: [address],
  conditions,
  targetRef: { name },
});
const read = (slices: readonly Slice[], options: Partial<ReadSlicesOptions> = {}) =>
  readSlices(slices, { service: 'order', namespace: 'shop', ...options });
const ids = (slices: readonly Slice[]) =>
  read(slices)
    .endpoints.map(({ id }) => id)
    .join();
const of = (...endpoints: Slice['endpoints'] & object) => [{ ports: http, endpoints }];

describe('EndpointSlices', () => {
  it('give instances with address, ports, zone and namespace, in the order of their ids', () => {
    const ports = [...http, { name: 'grpc', port: 9090 }];
    const slices = [{ ports, endpoints: [{ ...pod('b'), zone: 'z1' }, pod('a')] }];
    assert.deepEqual(read(slices).endpoints, [
      { id: 'a', service: 'order', host: '10.0.0.1', port: 8080, namespace: 'shop', grpcPort: 9090 },
      {
        id: 'b',
        service: 'order',
        host: '10.0.0.1',
        port: 8080,
        namespace: 'shop',
        grpcPort: 9090,
        zone: 'z1',
      },
    ]);
  });

  it('call who is ready and not ending, and when all are ending who still serves', () => {
    assert.equal(ids(of(pod('new', {}))), 'new', 'what is not said is ready');
    assert.equal(ids(of(pod('a', { ready: true }), pod('bb', { ready: true, terminating: true }))), 'a');
    const ending = pod('bb', { ready: false, serving: true, terminating: true });
    assert.equal(ids(of(pod('a', { ready: true }), ending)), 'a');
    assert.equal(ids(of(pod('a', { ready: false }), ending)), 'bb', 'never who is not ready: it may be dead');
    assert.equal(ids(of(pod('a', { ready: false, serving: false }))), '');
    assert.equal(ids(of(pod('a', { ready: false, serving: false, terminating: true }))), '');
  });

  it('without the port have no instances, and say so', () => {
    const ready = [pod('a', { ready: true })];
    assert.deepEqual(read([{ ports: null, endpoints: ready }]), { endpoints: [], lacksPort: true });
    assert.deepEqual(read([{ ports: null, endpoints: null }]), { endpoints: [], lacksPort: false });
    const renamed = [
      { ports: [], endpoints: ready },
      { ports: http, endpoints: [pod('bb')] },
    ];
    assert.equal(read(renamed).lacksPort, false, 'half of a rollout that renames it');
    assert.equal(
      read([{ ports: [{ name: 'web', port: 1 }], endpoints: ready }]).endpoints[0]?.port,
      1,
      'the only one',
    );
    assert.equal(read([{ ports: http, endpoints: ready }], { port: 'web' }).lacksPort, true);
  });

  it('that overlap, are of names, or were written by others do no harm', () => {
    assert.equal(ids([...of(pod('a')), ...of(pod('a'), pod('bb'))]), 'a,bb');
    const six = [{ addressType: 'IPv6', ports: http, endpoints: [pod('a', {}, 'fd00::1')] }];
    assert.equal(read([...six, ...of(pod('a'))]).endpoints[0]?.host, '10.0.0.1');
    assert.equal(ids([{ addressType: 'FQDN', ports: http, endpoints: [pod('a')] }]), '');
    assert.equal(
      ids([{}, { ports: http }, { ports: http, endpoints: [{}, { addresses: [] }, { addresses: null }] }]),
      '',
    );
  });

  it('of 1,500 instances give all', () => {
    const pods = Array.from({ length: 1_500 }, (_, number) => pod(`p${number}`));
    const slices = Array.from({ length: 15 }, (_, part) => ({
      ports: http,
      endpoints: pods.slice(part * 100, part * 100 + 100),
    }));
    assert.equal(read(slices).endpoints.length, 1_500);
  });
});
