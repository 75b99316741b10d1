import { accept, type Result, reject } from '@flotilla/kernel';
import type { ServiceDefinition, Texts } from '../state/records.ts';
import { type CheckDefinition, checkBody, readCheck } from './check-body.ts';
import {
  anyObject,
  type Decoded,
  type Decoder,
  flag,
  integer,
  list,
  map,
  object,
  optional,
  text,
} from './decoder.ts';

const address = object({ Address: text, Port: integer });

const SERVICE_FIELDS = {
  ID: text,
  Name: text,
  Tags: list(text),
  Address: text,
  Port: integer,
  SocketPath: text,
  TaggedAddresses: map(address),
  Meta: map(text),
  EnableTagOverride: flag,
  Weights: optional(object({ Passing: integer, Warning: integer })),
  Kind: text,
  Proxy: optional(anyObject),
  Connect: optional(anyObject),
  Locality: optional(anyObject),
  Check: optional(checkBody),
  Checks: list(checkBody),
  Namespace: text,
  Partition: text,
} as const;

type ServiceFields = { readonly [K in keyof typeof SERVICE_FIELDS]: Decoded<(typeof SERVICE_FIELDS)[K]> };
export const serviceBody: Decoder<ServiceFields> = object(SERVICE_FIELDS);

export interface Registration {
  readonly service: ServiceDefinition;
  readonly checks: readonly CheckDefinition[];
}

const { Name: _name, Check: _check, Checks: _checks, ...CATALOG_FIELDS } = SERVICE_FIELDS;

/** A service in the catalog, where its name is called so. */
export const catalogServiceBody: Decoder<CatalogServiceFields> = object(
  { ...CATALOG_FIELDS, Service: text },
  { mayHaveMore: true },
);
type CatalogServiceFields = Omit<ServiceFields, 'Name' | 'Check' | 'Checks'> & { readonly Service: string };

export function readCatalogService(fields: CatalogServiceFields): Result<ServiceDefinition, string> {
  const read = readRegistration({ ...fields, Name: fields.Service, Check: undefined, Checks: [] });
  return read.ok ? accept(read.value.service) : read;
}

const KINDS = ['', 'connect-proxy', 'mesh-gateway', 'terminating-gateway', 'ingress-gateway', 'api-gateway'];
const MAX_META = 64;
const DEFAULT_WEIGHTS: ServiceDefinition['weights'] = { Passing: 1, Warning: 1 };
const NOTHING: Readonly<Record<string, never>> = Object.freeze({});

/** The rejection is the plain text that Consul gives with status 400. */
export function readRegistration(fields: ServiceFields): Result<Registration, string> {
  if (fields.Name === '') return reject('Missing service name');
  if (/^(?:0\.0\.0\.0|::|\[::\])$/.test(fields.Address)) return reject('Invalid service address');
  if (fields.Port < 0 || fields.Port > 65_535)
    return reject('Invalid service port: it must be between 0 and 65535');
  if (!KINDS.includes(fields.Kind))
    return reject(`Invalid service: unknown kind ${JSON.stringify(fields.Kind)}`);
  if (fields.Kind === 'connect-proxy' && !hasDestination(fields.Proxy))
    return reject(
      'Invalid service: Proxy.DestinationServiceName must be non-empty for Connect proxy services',
    );
  const weights = fields.Weights ?? DEFAULT_WEIGHTS;
  const problem = weightsProblem(weights) ?? metaProblem(fields.Meta);
  if (problem !== undefined) return reject(problem);
  const id = fields.ID || fields.Name;
  const checks = readChecks(fields, id);
  if (!checks.ok) return checks;
  return accept({ service: describe(fields, id, weights), checks: checks.value });
}

function describe(
  fields: ServiceFields,
  id: string,
  weights: ServiceDefinition['weights'],
): ServiceDefinition {
  return {
    id,
    name: fields.Name,
    tags: fields.Tags,
    address: fields.Address,
    port: fields.Port,
    meta: fields.Meta,
    taggedAddresses: fields.TaggedAddresses,
    enableTagOverride: fields.EnableTagOverride,
    weights,
    kind: fields.Kind,
    proxy: fields.Proxy ?? NOTHING,
    connect: fields.Connect ?? NOTHING,
    socketPath: fields.SocketPath,
    locality: fields.Locality,
  };
}

function hasDestination(proxy: Readonly<Record<string, unknown>> | undefined): boolean {
  return Object.entries(proxy ?? {}).some(
    ([key, value]) => key.replaceAll('_', '').toLowerCase() === 'destinationservicename' && value !== '',
  );
}

function weightsProblem({ Passing, Warning }: ServiceDefinition['weights']): string | undefined {
  if (Passing < 1) return 'Invalid Weights: Passing must be greater than 0';
  if (Warning < 0) return 'Invalid Weights: Warning must be greater or equal than 0';
  return Passing > 65_535 || Warning > 65_535 ? 'Invalid Weights: must be between 0 and 65535' : undefined;
}

export function metaProblem(meta: Texts): string | undefined {
  const pairs = Object.entries(meta);
  if (pairs.length > MAX_META)
    return `Invalid Service Meta: Node metadata cannot contain more than ${MAX_META} key/value pairs`;
  const wrong = pairs.find(
    ([key, value]) =>
      !/^[\w-]{1,128}$/.test(key) || key.startsWith('consul-') || Buffer.byteLength(value) > 512,
  );
  if (wrong === undefined) return undefined;
  return `Invalid Service Meta: Couldn't load metadata pair (${JSON.stringify(wrong[0])}): a key has up to 128 letters, digits, - and _, does not begin with consul-, and its value is not longer than 512 bytes`;
}

function readChecks(fields: ServiceFields, id: string): Result<readonly CheckDefinition[], string> {
  const given = fields.Check === undefined ? fields.Checks : [fields.Check, ...fields.Checks];
  const checks: CheckDefinition[] = [];
  for (const one of given) {
    const check = readCheck(one);
    if (!check.ok) return reject(`Invalid check: ${check.rejection}`);
    if (check.value !== undefined) checks.push(check.value);
  }
  return accept(
    checks.map((check, position) => ({
      ...check,
      serviceId: id,
      id: check.id || (checks.length === 1 ? `service:${id}` : `service:${id}:${position + 1}`),
      name: check.name || `Service '${fields.Name}' check`,
    })),
  );
}
