import type { ConfigObject, SectionShape } from '../grammar/shape.ts';
import type { DiscoveryConfig } from '../model.ts';
import { AUTHENTICATION_PROVIDER } from '../policies/authentication/config.ts';
import { CLIENT_FIELDS } from '../policies/client-fields/config.ts';
import { TRUSTED_PROXIES } from '../policies/forwarded/config.ts';
import { LIMITS } from '../policies/limits/config.ts';
import { OVERLOAD } from '../policies/overload/config.ts';
import { POLICY_KEYS } from '../policies/policies.ts';
import { strangler } from '../policies/strangler/config.ts';

const DISCOVERY = {
  Scheme: { type: 'string', oneOf: ['http', 'https'], default: 'http', doc: 'Of the registry.' },
  Host: { type: 'string', default: 'localhost', doc: 'Of the registry.' },
  Port: { type: 'integer', minimum: 0, maximum: 65_535, doc: 'Of the registry; dynamic routes need it.' },
  Type: {
    type: 'string',
    also: ['Provider'],
    default: 'Consul',
    doc: 'Consul or PollConsul; with a resolver in code any other.',
  },
  Token: { type: 'string', doc: 'Sent as X-Consul-Token.' },
  ConfigurationKey: { type: 'string', doc: 'Accepted: configuration is read from files only.' },
  PollingInterval: { type: 'integer', default: 1000, doc: 'Of PollConsul, ms.' },
  Namespace: { type: 'string', doc: 'Of the services. Consul Enterprise alone has namespaces.' },
  UseNodeName: {
    type: 'boolean',
    default: false,
    own: true,
    doc: 'The host of an instance is the name of its node, as in Ocelot, instead of its own address.',
  },
} as const satisfies SectionShape;

const METADATA_OPTIONS = {
  CurrentCulture: { type: 'string', doc: 'Accepted: numbers are read without regard to culture.' },
  NumberStyle: { type: 'string', doc: 'Accepted.' },
  Separators: { type: 'strings', orOne: true, doc: 'Between the items of a list.' },
  StringSplitOption: { type: 'string', doc: 'Accepted.' },
  TrimChars: { type: 'strings', orOne: true, doc: 'Taken off the items of a list.' },
} as const satisfies SectionShape;

export const GLOBAL = {
  BaseUrl: {
    type: 'string',
    default: 'http://localhost:5000',
    doc: 'How clients see the gateway: `{BaseUrl}`.',
  },
  ReloadOnChange: { type: 'boolean', default: true, own: true, doc: 'Follows changes of the file.' },
  RouteOrder: {
    type: 'string',
    oneOf: ['Priority', 'Specificity'],
    default: 'Priority',
    own: true,
    doc: '`Specificity`: of routes with one priority the more specific is tried first, not the one listed first.',
  },
  ...TRUSTED_PROXIES,
  ...CLIENT_FIELDS,
  LimitOptions: { type: 'object', shape: LIMITS, own: true, doc: 'What every client is held to.' },
  OverloadOptions: { type: 'object', shape: OVERLOAD, own: true, doc: 'When requests are refused with 503.' },
  AuthenticationProviders: {
    type: 'mapOf',
    shape: AUTHENTICATION_PROVIDER,
    own: true,
    doc: 'Who issues tokens, by the key that routes name.',
  },
  ServiceDiscoveryProvider: { type: 'object', shape: DISCOVERY, doc: 'Where services are found.' },
  MetadataOptions: { type: 'object', shape: METADATA_OPTIONS, doc: 'How handlers read `Metadata`.' },
  DownstreamScheme: {
    type: 'string',
    oneOf: ['http', 'https', 'ws', 'wss'],
    default: 'http',
    doc: 'For dynamic routes only.',
  },
  ...strangler.keys,
  ...POLICY_KEYS,
} as const satisfies SectionShape;

export type GlobalObject = ConfigObject<typeof GLOBAL>;

const DISCOVERY_TYPES = ['Consul', 'PollConsul'] as const;
const CONSUL_PORT = 8500;

export function readDiscovery(
  global: GlobalObject | undefined,
  strict: boolean,
  isInCode: boolean,
): DiscoveryConfig | undefined {
  const object = global?.values.ServiceDiscoveryProvider;
  if (object === undefined) return undefined;
  const { Scheme: scheme = 'http', Host: host, Port: port, Type: wanted, ...values } = object.values;
  if (!host && !port && !wanted) return undefined; // an object of empty keys means nothing
  const type = DISCOVERY_TYPES.find((one) => one.toLowerCase() === (wanted || 'Consul').toLowerCase());
  if (type === undefined && isInCode) {
    object.warn('Type', `${wanted} is not known here: services are found by the resolver in code`);
    return undefined;
  }
  if (type === undefined)
    object.error(
      'Type',
      `${wanted} is an unknown service discovery type, there are ${DISCOVERY_TYPES.join(', ')}, and a resolver in code`,
    );
  return {
    type: type ?? 'Consul',
    url: `${scheme}://${host || 'localhost'}:${port || CONSUL_PORT}`,
    token: values.Token || undefined,
    pollingIntervalMs: (values.PollingInterval ?? 0) > 0 ? (values.PollingInterval ?? 0) : 1000,
    namespace: values.Namespace || undefined,
    usesNodeName: values.UseNodeName ?? strict,
  };
}

/** Can it find services for dynamic routes? */
export function hasAddress(global: GlobalObject | undefined): boolean {
  return (global?.values.ServiceDiscoveryProvider?.values.Port ?? 0) > 0;
}
