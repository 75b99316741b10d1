import { accept, type Result, reject } from '@flotilla/kernel';
import { parseGoDuration } from './go-duration.ts';

export type Status = 'passing' | 'warning' | 'critical';

/** A validated `PUT /v1/agent/service/register` body. */
export interface ServiceDefinition {
  readonly id: string;
  readonly name: string;
  readonly tags: readonly string[];
  readonly address: string;
  readonly port: number;
  readonly meta: Readonly<Record<string, string>>;
  readonly enableTagOverride: boolean;
  readonly weights: { readonly Passing: number; readonly Warning: number };
  readonly checks: readonly CheckDefinition[];
}

export interface CheckDefinition {
  readonly id: string;
  readonly name: string;
  readonly notes: string;
  readonly status: Status;
  readonly ttlMs: number;
  readonly deregisterAfterMs?: number;
}

type Fields = Readonly<Record<string, unknown>>;

const MIN_DEREGISTER_MS = 60_000;
const MAX_META = 64;

/** The rejection is the plain text that Consul answers with status 400. */
export function parseServiceDefinition(body: unknown): Result<ServiceDefinition, string> {
  if (!isFields(body)) return reject('Request decode failed: the body is not a JSON object');
  const name = text(body['Name']);
  if (name === '') return reject('Missing service name');
  const address = text(body['Address']);
  if (address === '0.0.0.0' || address === '::' || address === '[::]')
    return reject('Invalid service address');
  const port = body['Port'] ?? 0;
  if (typeof port !== 'number' || !Number.isInteger(port) || port < 0 || port > 65_535)
    return reject('Request decode failed: Port is not a port number');
  const meta = parseMeta(body['Meta'] ?? {});
  if (!meta.ok) return meta;
  const id = text(body['ID']) || name;
  const checks = parseChecks(body, id, name);
  if (!checks.ok) return checks;
  const weights = isFields(body['Weights']) ? body['Weights'] : {};
  return accept({
    id,
    name,
    tags: Array.isArray(body['Tags']) ? body['Tags'].filter((tag) => typeof tag === 'string') : [],
    address,
    port,
    meta: meta.value,
    enableTagOverride: (body['EnableTagOverride'] ?? body['enable_tag_override']) === true,
    weights: { Passing: Number(weights['Passing'] ?? 1), Warning: Number(weights['Warning'] ?? 1) },
    checks: checks.value,
  });
}

function parseMeta(input: unknown): Result<Readonly<Record<string, string>>, string> {
  if (!isFields(input)) return reject('Invalid Service Meta: not an object');
  const pairs = Object.entries(input);
  if (pairs.length > MAX_META) return reject(`Invalid Service Meta: more than ${MAX_META} pairs`);
  const wrong = pairs.find(
    ([key, value]) => key.length > 128 || typeof value !== 'string' || value.length > 512,
  );
  if (wrong !== undefined) return reject('Invalid Service Meta: a key or value is too long or not a string');
  return accept(Object.fromEntries(pairs.map(([key, value]) => [key, String(value)])));
}

function parseChecks(body: Fields, id: string, name: string): Result<readonly CheckDefinition[], string> {
  const listed: readonly unknown[] = Array.isArray(body['Checks']) ? body['Checks'] : [];
  const inputs = isFields(body['Check']) ? [body['Check'], ...listed] : listed;
  const checks: CheckDefinition[] = [];
  for (const [position, input] of inputs.entries()) {
    const defaultId = inputs.length === 1 ? `service:${id}` : `service:${id}:${position + 1}`;
    const parsed = parseCheck(input, defaultId, name);
    if (!parsed.ok) return parsed;
    checks.push(parsed.value);
  }
  return accept(checks);
}

function parseCheck(input: unknown, defaultId: string, service: string): Result<CheckDefinition, string> {
  if (!isFields(input)) return reject('Validation failed: a check is not an object');
  if (input['TTL'] === undefined) return reject('Validation failed: this registry supports TTL checks only');
  if (input['Interval'] !== undefined)
    return reject('Validation failed: Interval and TTL cannot both be specified');
  const ttlMs = parseGoDuration(input['TTL']);
  if (ttlMs === undefined || ttlMs <= 0) return reject('Validation failed: TTL must be > 0 for TTL checks');
  const status = input['Status'] ?? 'critical';
  if (!isStatus(status)) return reject("Status for checks must 'passing', 'warning', 'critical'");
  const deregisterMs = parseGoDuration(input['DeregisterCriticalServiceAfter']);
  return accept({
    id: text(input['CheckID']) || defaultId,
    name: text(input['Name']) || `Service '${service}' check`,
    notes: text(input['Notes']),
    status,
    ttlMs,
    ...(deregisterMs && { deregisterAfterMs: Math.max(MIN_DEREGISTER_MS, deregisterMs) }),
  });
}

export function isStatus(value: unknown): value is Status {
  return value === 'passing' || value === 'warning' || value === 'critical';
}

function isFields(value: unknown): value is Fields {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function text(value: unknown): string {
  return typeof value === 'string' ? value : '';
}
