import assert from 'node:assert/strict';
import { isPlatformError } from '@flotilla/kernel';
import { type ReadOptions, readGatewayConfig } from '../src/config/read-gateway-config.ts';
import type { GatewayConfig, RouteConfig } from '../src/model.ts';

export const HOSTS: readonly object[] = [{ Host: 'order', Port: 80 }];
export const ROUTE: object = {
  UpstreamPathTemplate: '/o',
  DownstreamPathTemplate: '/o',
  DownstreamHostAndPorts: HOSTS,
};
export const PROVIDERS: object = { Bearer: { Secret: 'x'.repeat(32) } };
export const BEARER: object = { AuthenticationProviderKeys: ['Bearer'] };

export function read(input: unknown, options: ReadOptions = {}): GatewayConfig {
  return readGatewayConfig(typeof input === 'string' ? input : JSON.stringify(input), options);
}

export function problemsOf(input: unknown, options: ReadOptions = {}): readonly string[] {
  return problemsFrom(() => read(input, options));
}

export function problemsFrom(attempt: () => unknown): readonly string[] {
  try {
    attempt();
    return [];
  } catch (error) {
    assert.ok(isPlatformError(error) && error.code === 'GATEWAY_CONFIG_INVALID', String(error));
    return error.details['problems'] as readonly string[];
  }
}

/** The one route that these keys make. */
export function routeOf(keys: object, global: object = {}, options: ReadOptions = {}): RouteConfig {
  const { routes } = read({ Routes: [{ ...ROUTE, ...keys }], GlobalConfiguration: global }, options);
  const [route] = routes;
  assert.ok(route !== undefined);
  return route;
}

export function assertProblems(problems: readonly string[], expected: readonly RegExp[]): void {
  for (const one of expected)
    assert.ok(
      problems.some((problem) => one.test(problem)),
      `${one} in\n${problems.join('\n')}`,
    );
}
