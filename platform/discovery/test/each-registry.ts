import { after, before, describe } from 'node:test';
import { startRegistry } from '../src/registry/start-registry.ts';
import { type Api, apiOf } from './registry-api.ts';

const judge = process.env['FLOTILLA_TEST_CONSUL'];

/**
 * One suite, two servers: the embedded registry and, where its address is given, a real Consul. What differs on purpose
 * is in the README. `api` is there within its tests only.
 */
export function describeRegistry(suite: (api: () => Api) => void): void {
  describe('the embedded registry', () => on(async () => startRegistry({ port: 0 }), suite));
  if (judge !== undefined)
    describe('a real Consul', () => on(async () => ({ url: judge, close: async () => undefined }), suite));
}

function on(
  start: () => Promise<{ readonly url: string; close(): Promise<void> }>,
  suite: (api: () => Api) => void,
): void {
  let server: Awaited<ReturnType<typeof start>>;
  let api: Api;
  before(async () => {
    server = await start();
    api = apiOf(server.url);
  });
  after(() => server.close());
  suite(() => api);
}
