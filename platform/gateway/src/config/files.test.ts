import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { assertProblems, problemsFrom, ROUTE } from '../../test/config.ts';
import { readGatewayConfig } from './read-gateway-config.ts';

describe('a folder', () => {
  const file = (name: string, content: unknown) => ({ name, text: JSON.stringify(content) });

  it('is merged in the order of names, global options from ocelot.global.json alone', () => {
    const at = (UpstreamPathTemplate: string) => ({ Routes: [{ ...ROUTE, UpstreamPathTemplate }] });
    const config = readGatewayConfig({
      files: [
        file('ocelot.b.json', { ...at('/b'), GlobalConfiguration: { BaseUrl: 'http://wrong' } }),
        file('ocelot.z.json', { GlobalConfiguration: { BaseUrl: 'http://wrong' } }),
        file('ocelot.a.json', at('/a')),
        file('ocelot.global.json', { GlobalConfiguration: { BaseUrl: 'http://right' } }),
      ],
    });
    assert.deepEqual(
      config.routes.map(({ name }) => name),
      ['/a', '/b'],
    );
    assert.equal(config.baseUrl, 'http://right');
  });

  it('says which file is not JSON', () => {
    const problems = problemsFrom(() =>
      readGatewayConfig({ files: [{ name: 'ocelot.a.json', text: '{' }, file('ocelot.b.json', [])] }),
    );
    assertProblems(problems, [/^ocelot\.a\.json is not JSON: /, /^ocelot\.b\.json: must be an object$/]);
  });
});
