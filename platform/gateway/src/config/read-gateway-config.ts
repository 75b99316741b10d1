import { isRecord } from '@flotilla/kernel';
import { configInvalid } from '../errors.ts';
import { createFindings, type Findings, readObject } from '../grammar/config-object.ts';
import { listed, type Registered } from '../grammar/registered.ts';
import type { ConfigObject } from '../grammar/shape.ts';
import type { DynamicConfig, GatewayConfig } from '../model.ts';
import { type AuthenticationProviderConfig, readProvider } from '../policies/authentication/config.ts';
import { readClientFields } from '../policies/client-fields/config.ts';
import { readForwardedHeader, readTrustedProxies } from '../policies/forwarded/config.ts';
import { readLimits } from '../policies/limits/config.ts';
import { readOverload } from '../policies/overload/config.ts';
import { findShadowed } from '../routing/shadowing.ts';
import { readAggregate } from './aggregate.ts';
import { readDynamic } from './dynamic-route.ts';
import { type ConfigFiles, parseInput } from './files.ts';
import { hasAddress, readDiscovery } from './global.ts';
import { ROOT } from './root.ts';
import { type ReadContext, readRoute } from './route.ts';
import { readOpenApi } from './swagger.ts';
import { findConflicts, findLooseEnds } from './validate.ts';

type RootObject = ConfigObject<typeof ROOT>;

export interface ReadOptions {
  /** `--ocelot-strict`; default false. */
  readonly strict?: boolean;
  readonly registered?: Registered;
}

/**
 * Reads a configuration in Ocelot's format: the text of one file, or the files of a folder to merge. Throws
 * `GATEWAY_CONFIG_INVALID` whose `details.problems` has every problem found, one a line, with path and value.
 * Unknown keys, shadowed routes and dangers are `warnings`.
 */
export function readGatewayConfig(
  input: string | ConfigFiles,
  { strict = false, registered = {} }: ReadOptions = {},
): GatewayConfig {
  const findings = createFindings();
  const parsed = parseInput(input, findings.errors);
  const root = readObject(parsed, '', ROOT, findings);
  const config = assemble(root, strict, registered);
  findings.errors.push(...findNothing(config, parsed, findings));
  findings.errors.push(...findConflicts(config, ownRequestIds(root)));
  if (findings.errors.length > 0) throw configInvalid([...new Set(findings.errors)]);
  const warnings = [...findings.warnings, ...findLooseEnds(config), ...findShadowed(config)];
  return { ...config, warnings: [...new Set(warnings)] };
}

function assemble(root: RootObject, strict: boolean, registered: Registered): GatewayConfig {
  const global = root.values.GlobalConfiguration;
  const providers = new Map(
    [...(global?.values.AuthenticationProviders ?? [])].map(([key, provider]) => [
      key,
      readProvider(provider),
    ]),
  );
  const discovery = readDiscovery(global, strict, registered.discovery === true);
  const context: ReadContext = {
    namesWebSockets: (root.values.Routes ?? []).some(({ values }) =>
      /^wss?$/.test(values.DownstreamScheme ?? ''),
    ),
    strict,
    global,
    handlers: registered.handlers,
    balancers: registered.balancers,
    providers:
      registered.providers === 'any' ? 'any' : [...providers.keys(), ...listed(registered.providers)],
    hasDiscovery: discovery !== undefined || registered.discovery === true,
  };
  const routes = (root.values.Routes ?? []).map((route) => readRoute(route, context));
  const aggregates = (root.values.Aggregates ?? []).map((aggregate) =>
    readAggregate(aggregate, { strict, aggregators: registered.aggregators }),
  );
  return {
    strict,
    routes,
    aggregates,
    dynamic: readDynamicRoutes(root, context),
    routeOrder: global?.values.RouteOrder === 'Specificity' ? 'specificity' : 'priority',
    authenticationProviders: providers,
    discovery,
    baseUrl: global?.values.BaseUrl || 'http://localhost:5000',
    reloadOnChange: global?.values.ReloadOnChange ?? true,
    trustedProxies: readTrustedProxies(global),
    forwardedHeader: readForwardedHeader(global),
    limits: readLimits(
      global?.values.LimitOptions,
      [...routes, ...aggregates].flatMap(({ methods }) => methods),
    ),
    overload: readOverload(global?.values.OverloadOptions),
    clientFields: readClientFields(global, routes, { strict, secretHeaders: headersWithKeys(providers) }),
    openApi: readOpenApi(root.values.SwaggerEndPoints),
    warnings: [],
  };
}

/** Where keys come that are not for back ends, on whatever route. */
function headersWithKeys(providers: ReadonlyMap<string, AuthenticationProviderConfig>): readonly string[] {
  return [...providers.values()].flatMap(({ keys }) =>
    keys.kind === 'api-keys' && !keys.isPassed ? [keys.header] : [],
  );
}

/** A file of something else, or of a grammar that is not read, must not start a gateway that answers 404 to everything. */
function findNothing(
  { routes, dynamic }: GatewayConfig,
  parsed: unknown,
  { keysOf }: Pick<Findings, 'keysOf'>,
): readonly string[] {
  if (routes.length > 0 || dynamic !== undefined || !isRecord(parsed)) return [];
  const unknown = Object.keys(parsed).filter((key) => keysOf(ROOT).find(key) === undefined);
  return unknown.length === 0 ? [] : [`the file has no Routes, but ${unknown.join(', ')}`];
}

function readDynamicRoutes(root: RootObject, context: ReadContext): DynamicConfig | undefined {
  const { Routes: routes = [], DynamicRoutes: entries = [], GlobalConfiguration: global } = root.values;
  if (routes.length > 0) {
    if (entries.length > 0) root.warn('DynamicRoutes', 'have no effect beside Routes');
    return undefined;
  }
  const isPossible = hasAddress(global) || (context.hasDiscovery && entries.length > 0);
  if (!isPossible) {
    if (entries.length > 0) root.warn('DynamicRoutes', 'have no effect without ServiceDiscoveryProvider');
    return undefined;
  }
  return readDynamic(entries, global?.values.DownstreamScheme, context);
}

/** `Key`s of routes that have a `RequestIdKey` of their own. */
function ownRequestIds(root: RootObject): ReadonlySet<string> {
  const routes = root.values.Routes ?? [];
  return new Set(
    routes.flatMap(({ values }) => (values.RequestIdKey && values.Key !== undefined ? [values.Key] : [])),
  );
}
