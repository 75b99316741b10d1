import { accept, type Result, reject } from '@flotilla/kernel';
import { isStatus, type Status } from '../state/records.ts';
import {
  type Decoded,
  type Decoder,
  duration,
  flag,
  integer,
  list,
  map,
  object,
  optional,
  text,
} from './decoder.ts';

/** Fields of a check, whether it comes with a service or alone. */
const CHECK_FIELDS = {
  ID: text,
  CheckID: text,
  Name: text,
  Notes: text,
  Status: text,
  ServiceID: text,
  TTL: duration,
  Interval: duration,
  Timeout: duration,
  HTTP: text,
  Method: text,
  Header: map(list(text)),
  Body: text,
  DisableRedirects: flag,
  TCP: text,
  TCPUseTLS: flag,
  UDP: text,
  GRPC: text,
  GRPCUseTLS: flag,
  H2PING: text,
  H2PingUseTLS: optional(flag),
  TLSServerName: text,
  TLSSkipVerify: flag,
  AliasNode: text,
  AliasService: text,
  Script: text,
  Args: list(text),
  ScriptArgs: list(text),
  DockerContainerID: text,
  Shell: text,
  OSService: text,
  ProxyHTTP: text,
  ProxyGRPC: text,
  SuccessBeforePassing: integer,
  FailuresBeforeWarning: integer,
  FailuresBeforeCritical: integer,
  OutputMaxSize: integer,
  DeregisterCriticalServiceAfter: duration,
  Namespace: text,
  Partition: text,
} as const;

export const checkBody: Decoder<CheckFields> = object(CHECK_FIELDS);
export type CheckFields = { readonly [K in keyof typeof CHECK_FIELDS]: Decoded<(typeof CHECK_FIELDS)[K]> };

/** What is done to find out how somebody is. */
export type Probe =
  | { readonly type: 'ttl'; readonly ttlMs: number }
  | ({
      readonly type: 'http';
      readonly url: string;
      readonly method: string;
      readonly headers: Readonly<Record<string, readonly string[]>>;
      readonly body: string;
      readonly followsRedirects: boolean;
    } & Tls)
  | ({ readonly type: 'tcp'; readonly address: string } & Tls)
  | ({ readonly type: 'grpc'; readonly address: string; readonly service: string } & Tls)
  | ({ readonly type: 'h2ping'; readonly address: string } & Tls)
  | { readonly type: 'udp'; readonly address: string }
  /** The worst of a node or a service. */
  | { readonly type: 'alias'; readonly node: string; readonly serviceId: string };

export interface Tls {
  readonly usesTls: boolean;
  readonly serverName: string;
  readonly skipsVerification: boolean;
}

export interface CheckDefinition {
  /** Empty = to be made of the service's. */
  readonly id: string;
  readonly name: string;
  readonly notes: string;
  readonly serviceId: string;
  readonly status: Status;
  readonly probe: Probe;
  readonly intervalMs: number;
  readonly timeoutMs: number;
  /** Consecutive results before the status follows. */
  readonly successesBeforePassing: number;
  readonly failuresBeforeWarning: number;
  readonly failuresBeforeCritical: number;
  readonly maxOutputBytes: number;
  /** 0 = never. */
  readonly deregisterAfterMs: number;
}

const MIN_INTERVAL_MS = 1_000;
const MIN_DEREGISTER_MS = 60_000;
const DEFAULT_TIMEOUT_MS = 10_000;
const DEFAULT_OUTPUT_BYTES = 4_096;

/** `undefined` for a check without anything to do, which Consul takes for none. The rejection is its text. */
export function readCheck(fields: CheckFields): Result<CheckDefinition | undefined, string> {
  if (isEmpty(fields)) return accept(undefined);
  const probes = probesIn(fields);
  const isProgram =
    fields.Script || fields.Args.length + fields.ScriptArgs.length > 0 || fields.DockerContainerID;
  if (isProgram) return reject('Scripts are disabled on this agent');
  if (fields.OSService !== '')
    return reject('Checks of operating system services are not supported on this agent');
  if (fields.TTL > 0 && fields.Interval > 0) return reject('Interval and TTL cannot both be specified');
  const isTimed = probes.some(({ type }) => type !== 'ttl' && type !== 'alias');
  if (isTimed && fields.Interval <= 0)
    return reject('Interval must be > 0 for Script, HTTP, H2PING, TCP, UDP or OSService checks');
  if (fields.FailuresBeforeWarning > fields.FailuresBeforeCritical && fields.FailuresBeforeCritical > 0)
    return reject("FailuresBeforeWarning can't be higher than FailuresBeforeCritical");
  if (fields.OutputMaxSize < 0) return reject('MaxOutputMaxSize must be positive');
  const status = fields.Status || 'critical';
  if (!isStatus(status)) return reject("Status for checks must 'passing', 'warning', 'critical'");
  const [probe] = probes;
  if (probe === undefined) return reject('TTL must be > 0 for TTL checks');
  return accept(describe(fields, probe, status));
}

function describe(fields: CheckFields, probe: Probe, status: Status): CheckDefinition {
  const { FailuresBeforeCritical: critical, DeregisterCriticalServiceAfter: deregisterAfterMs } = fields;
  return {
    id: fields.CheckID || fields.ID,
    name: fields.Name,
    notes: fields.Notes,
    serviceId: fields.ServiceID,
    status,
    probe,
    intervalMs: fields.Interval === 0 ? 0 : Math.max(MIN_INTERVAL_MS, fields.Interval),
    timeoutMs: fields.Timeout || DEFAULT_TIMEOUT_MS,
    successesBeforePassing: fields.SuccessBeforePassing,
    failuresBeforeWarning: fields.FailuresBeforeWarning || critical,
    failuresBeforeCritical: critical,
    maxOutputBytes: fields.OutputMaxSize || DEFAULT_OUTPUT_BYTES,
    deregisterAfterMs: deregisterAfterMs === 0 ? 0 : Math.max(MIN_DEREGISTER_MS, deregisterAfterMs),
  };
}

function probesIn(fields: CheckFields): readonly Probe[] {
  const tls = (usesTls: boolean): Tls => ({
    usesTls,
    serverName: fields.TLSServerName,
    skipsVerification: fields.TLSSkipVerify,
  });
  const [grpcAddress = '', ...grpcService] = fields.GRPC.split('/');
  return [
    fields.TTL > 0 && ({ type: 'ttl', ttlMs: fields.TTL } as const),
    fields.HTTP !== '' &&
      ({
        type: 'http',
        url: fields.HTTP,
        method: fields.Method || 'GET',
        headers: fields.Header,
        body: fields.Body,
        followsRedirects: !fields.DisableRedirects,
        ...tls(fields.HTTP.startsWith('https:')),
      } as const),
    fields.TCP !== '' && ({ type: 'tcp', address: fields.TCP, ...tls(fields.TCPUseTLS) } as const),
    fields.GRPC !== '' &&
      ({
        type: 'grpc',
        address: grpcAddress,
        service: grpcService.join('/'),
        ...tls(fields.GRPCUseTLS),
      } as const),
    fields.H2PING !== '' &&
      ({ type: 'h2ping', address: fields.H2PING, ...tls(fields.H2PingUseTLS ?? true) } as const),
    fields.UDP !== '' && ({ type: 'udp', address: fields.UDP } as const),
    (fields.AliasNode !== '' || fields.AliasService !== '') &&
      ({ type: 'alias', node: fields.AliasNode, serviceId: fields.AliasService } as const),
  ].filter((probe) => probe !== false);
}

function isEmpty(fields: CheckFields): boolean {
  return Object.values(fields).every(
    (value) => !value || (typeof value === 'object' && Object.keys(value).length === 0),
  );
}
