import { type Group, joinGroup, ROUTE_KEYS } from '../../grammar/group.ts';
import { periodMs } from '../../grammar/period.ts';
import { definePolicy } from '../../grammar/policy.ts';
import type { ConfigObject, SectionShape } from '../../grammar/shape.ts';
import { authentication } from '../authentication/config.ts';

export interface RateLimitConfig {
  readonly limit: number;
  readonly period: string;
  readonly periodMs: number;
  /** Penalty after a rejection, `undefined` = until the period ends. */
  readonly waitMs: number | undefined;
  /** As written in the file, `0ms` when there is none: part of a message. */
  readonly wait: string;
  /** Whose budget it is. `header` falls back to the address (strict: 503). */
  readonly key:
    | { readonly kind: 'header'; readonly header: string }
    | { readonly kind: 'address' | 'route' }
    | { readonly kind: 'claim'; readonly claim: string };
  readonly whitelist: ReadonlySet<string>;
  readonly status: number;
  readonly message: string;
  readonly format: 'text' | 'problem';
  readonly headers: boolean;
  /** `shared` = exact over all replicas, in Redis; without it or while it is away the memory of this process counts. */
  readonly store: 'memory' | 'shared';
}

export interface RateLimits {
  readonly rateLimit: RateLimitConfig | undefined;
  readonly furtherLimits: readonly RateLimitConfig[];
}

const DEFAULT_MESSAGE = 'API calls quota exceeded! Maximum admitted {0} per {1}.';

const RULE = {
  EnableRateLimiting: { type: 'boolean', default: true, doc: 'False switches it off for the route.' },
  Limit: { type: 'integer', doc: 'Requests in one period, required.' },
  Period: { type: 'string', doc: 'Number and unit ms, s, m, h or d: `1m`, `1.5s`. Required.' },
  Wait: { type: 'string', doc: 'Penalty from the first rejection on, written like `Period`.' },
  PeriodTimespan: { type: 'number', doc: 'Older, wins: `Wait` in seconds.' },
  ClientIdHeader: { type: 'string', default: 'Oc-Client', doc: "Header with the client's identity." },
  ClientWhitelist: { type: 'strings', doc: 'Identities that are never limited.' },
  StatusCode: {
    type: 'integer',
    also: ['HttpStatusCode'],
    minimum: 200,
    maximum: 999,
    default: 429,
    doc: 'Status of a rejection. Above 599 it is none of HTTP, and over HTTP/2 429 is sent.',
  },
  QuotaMessage: {
    type: 'string',
    also: ['QuotaExceededMessage'],
    default: DEFAULT_MESSAGE,
    doc: 'Body of a rejection; {0} = limit, {1} = period.',
  },
  KeyPrefix: {
    type: 'string',
    also: ['RateLimitCounterPrefix'],
    doc: 'Accepted; counters need no prefix here.',
  },
  EnableHeaders: { type: 'boolean', default: true, doc: 'Rate limit headers on answers.' },
  DisableRateLimitHeaders: { type: 'boolean', doc: 'Older, wins: the opposite of `EnableHeaders`.' },
  KeyBy: {
    type: 'string',
    default: 'Client',
    own: true,
    doc: 'Whose budget it is: `Client` (`ClientIdHeader`, else the address), `Address`, `Route`, `Claim:<type>`, `Header:<name>`.',
  },
  ClientIdClaim: { type: 'string', own: true, doc: 'Older way to write `KeyBy` = `Claim:<type>`.' },
  QuotaFormat: {
    type: 'string',
    oneOf: ['text', 'problem'],
    default: 'text',
    own: true,
    doc: 'Body of a rejection: plain text, or a problem (RFC 9457) with the message as its detail.',
  },
  Store: {
    type: 'string',
    oneOf: ['Memory', 'Shared'],
    default: 'Memory',
    own: true,
    doc: '`Shared`: one budget for all replicas, in Redis.',
  },
} as const satisfies SectionShape;

export const RATE_LIMIT = {
  ...RULE,
  Rules: {
    type: 'objects',
    shape: RULE,
    own: true,
    doc: 'Further limits on the same route, all of which must admit a request. Each has a `Limit` and a `Period`; what else it does not say it has from the object around it.',
  },
  ...ROUTE_KEYS,
} as const satisfies SectionShape;

/** One rule with what it says and inherits. */
type RateLimitGroup = Pick<Group<typeof RULE>, 'values' | 'has' | 'error'>;

export const rateLimit = definePolicy({
  keys: {
    ...authentication.keys,
    RateLimitOptions: {
      type: 'object',
      shape: RATE_LIMIT,
      doc: 'Requests of one client in a period; absent = off.',
    },
  },
  read: (input): RateLimits => {
    const { own, global, owner } = input;
    const group = joinGroup(own?.values.RateLimitOptions, global?.values.RateLimitOptions, owner.key);
    const [rateLimit, ...furtherLimits] = readLimits(group, owner.name);
    const needsClaim = [rateLimit, ...furtherLimits].some((limit) => limit?.key.kind === 'claim');
    if (needsClaim && authentication.read(input).authentication === undefined)
      group?.error('KeyBy', `a claim needs an authenticated route, ${owner.name} is not`);
    return { rateLimit, furtherLimits };
  },
});

/** Empty = the route is not limited. */
function readLimits(group: Group<typeof RATE_LIMIT> | undefined, route: string): readonly RateLimitConfig[] {
  if (group === undefined || group.values.EnableRateLimiting === false) return [];
  const rules = group.values.Rules ?? [];
  const hasOne = group.has('Period') || group.has('Limit');
  // Global options without a rule only fill in the details of the routes that have one.
  const isMeant = hasOne || (group.isOwn && rules.length === 0);
  const limits = [...(isMeant ? [group] : []), ...rules.map((rule) => ruleWithin(rule, group))].map((one) =>
    readRateLimit(one, route),
  );
  const places = new Set(limits.map(({ limit, period, key }) => JSON.stringify([limit, period, key])));
  if (places.size < limits.length) group.error('Rules', 'has the same limit twice');
  return limits;
}

function ruleWithin(rule: ConfigObject<typeof RULE>, around: RateLimitGroup): RateLimitGroup {
  const { Limit: _, Period: _period, Wait: _wait, PeriodTimespan: _seconds, ...inherited } = around.values;
  return {
    values: { ...inherited, ...rule.values },
    has: (key) => rule.has(key),
    error: (key, message) => rule.error(key, message),
  };
}

function readRateLimit(group: RateLimitGroup, route: string): RateLimitConfig {
  const limit = group.values.Limit ?? 0;
  if (limit <= 0) group.error('Limit', `RateLimitOptions.Limit is negative or zero for the route ${route}`);
  const period = group.values.Period ?? '';
  const wait = readWait(group);
  const message = group.values.QuotaMessage ?? DEFAULT_MESSAGE;
  return {
    limit,
    period,
    periodMs: readPeriod(group, 'Period', period),
    waitMs: wait.ms,
    wait: wait.text,
    key: readKey(group),
    whitelist: new Set(group.values.ClientWhitelist ?? []),
    status: group.values.StatusCode ?? 429,
    message: message.replaceAll('{0}', String(limit)).replaceAll('{1}', period),
    format: group.values.QuotaFormat ?? 'text',
    headers: !(group.values.DisableRateLimitHeaders ?? !(group.values.EnableHeaders ?? true)),
    store: group.values.Store === 'Shared' ? 'shared' : 'memory',
  };
}

const TOKEN = /^[!#$%&'*+.^_`|~0-9A-Za-z-]+$/;

function readKey(group: RateLimitGroup): RateLimitConfig['key'] {
  const header = group.values.ClientIdHeader ?? 'Oc-Client';
  if (!TOKEN.test(header)) group.error('ClientIdHeader', `${header} is no name of a header`);
  const client = { kind: 'header', header: header.toLowerCase() } as const;
  const older = group.values.ClientIdClaim;
  const keyBy = group.values.KeyBy ?? (older === undefined ? 'Client' : `Claim:${older}`);
  const [kind = '', ...rest] = keyBy.split(':');
  const name = rest.join(':');
  switch (kind.toLowerCase()) {
    case 'client':
      return client;
    case 'address':
      return { kind: 'address' };
    case 'route':
      return { kind: 'route' };
    case 'claim':
      if (name !== '') return { kind: 'claim', claim: name };
      break;
    case 'header':
      if (TOKEN.test(name)) return { kind: 'header', header: name.toLowerCase() };
      break;
  }
  group.error('KeyBy', `must be Client, Address, Route, Claim:<type> or Header:<name>, not ${keyBy}`);
  return client;
}

function readWait(group: RateLimitGroup): { readonly ms: number | undefined; readonly text: string } {
  const none = { ms: undefined, text: '0ms' };
  const seconds = group.values.PeriodTimespan;
  if (seconds !== undefined) return seconds > 0 ? { ms: seconds * 1000, text: `${seconds}s` } : none;
  const text = group.values.Wait ?? '';
  return text === '' ? none : { ms: readPeriod(group, 'Wait', text), text };
}

function readPeriod(group: RateLimitGroup, key: 'Period' | 'Wait', text: string): number {
  const ms = periodMs(text);
  if (ms !== undefined) return ms;
  group.error(
    key,
    text === ''
      ? `RateLimitOptions.${key} is empty`
      : `RateLimitOptions.${key} does not contain integer then ms (millisecond), s (second), m (minute), h (hour), d (day): ${text}`,
  );
  return 1;
}
