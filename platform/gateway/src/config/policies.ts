import type { AuthenticationConfig, BalancerType, CacheConfig, RateLimitConfig } from './gateway-config.ts';
import type { OptionGroup } from './option-group.ts';

const PROVIDER = 'Bearer';

/** `undefined` = the route is open. The one provider there is verifies by `verifyToken`. */
export function readAuthentication(group: OptionGroup | undefined): AuthenticationConfig | undefined {
  if (group === undefined) return undefined;
  const older = group.string('AuthenticationProviderKey');
  const providers = [...(group.strings('AuthenticationProviderKeys') ?? []), ...(older ? [older] : [])];
  for (const name of providers.filter((key) => key !== PROVIDER)) {
    group.place.error(
      'AuthenticationProviderKeys',
      `AuthenticationOptions: ${name} is unsupported authentication provider, there is ${PROVIDER}`,
    );
  }
  const allowedScopes = group.strings('AllowedScopes') ?? [];
  if (group.boolean('AllowAnonymous') === true) return undefined;
  if (providers.length > 0) return { allowedScopes };
  // Scopes without a provider would protect nothing, while the file reads as if they did.
  if (allowedScopes.length > 0) group.place.error('AllowedScopes', 'needs AuthenticationProviderKeys');
  return undefined;
}

const DEFAULT_MESSAGE = 'API calls quota exceeded! Maximum admitted {0} per {1}.';

/** `undefined` = the route is not limited. */
export function readRateLimit(group: OptionGroup | undefined, route: string): RateLimitConfig | undefined {
  if (group === undefined || group.boolean('EnableRateLimiting') === false) return undefined;
  // Global options without a rule only fill in the details of the routes that have one.
  if (!group.own && !group.has('Period', 'Limit')) return undefined;
  const limit = group.integer('Limit') ?? 0;
  if (limit <= 0)
    group.place.error('Limit', `RateLimitOptions.Limit is negative or zero for the route ${route}`);
  const period = group.string('Period') ?? '';
  const periodMs = readPeriod(group, 'Period', period);
  const message = group.string('QuotaExceededMessage', 'QuotaMessage') ?? DEFAULT_MESSAGE;
  return {
    limit,
    period,
    periodMs,
    waitMs: readWait(group),
    clientIdHeader: (group.string('ClientIdHeader') ?? 'Oc-Client').toLowerCase(),
    keyedBy: readKeyedBy(group),
    whitelist: new Set(group.strings('ClientWhitelist') ?? []),
    status: group.integer('HttpStatusCode', 'StatusCode') ?? 429,
    message: message.replaceAll('{0}', String(limit)).replaceAll('{1}', period),
    format: readFormat(group),
    headers: !(group.boolean('DisableRateLimitHeaders') ?? !(group.boolean('EnableHeaders') ?? true)),
  };
}

function readKeyedBy(group: OptionGroup): RateLimitConfig['keyedBy'] {
  const claim = group.string('ClientIdClaim');
  if (claim !== undefined && claim !== 'sub') group.place.error('ClientIdClaim', 'must be sub');
  return claim === undefined ? 'client' : 'subject';
}

function readFormat(group: OptionGroup): RateLimitConfig['format'] {
  const format = group.string('QuotaFormat') ?? 'text';
  if (format === 'text' || format === 'problem') return format;
  group.place.error('QuotaFormat', 'must be text or problem');
  return 'text';
}

function readWait(group: OptionGroup): number | undefined {
  const seconds = group.integer('PeriodTimespan');
  if (seconds !== undefined) return seconds > 0 ? seconds * 1000 : undefined;
  const wait = group.string('Wait');
  return wait === undefined ? undefined : readPeriod(group, 'Wait', wait);
}

const UNIT_MS: Readonly<Record<string, number>> = { ms: 1, s: 1_000, m: 60_000, h: 3_600_000, d: 86_400_000 };

function readPeriod(group: OptionGroup, key: string, text: string): number {
  const [, amount, unit = ''] = /^(\d+(?:\.\d+)?)(ms|s|m|h|d)$/.exec(text) ?? [];
  const ms = Number(amount) * (UNIT_MS[unit] ?? 0);
  if (ms > 0) return ms;
  group.place.error(
    key,
    text === ''
      ? `RateLimitOptions.${key} is empty`
      : `RateLimitOptions.${key} does not contain integer then ms (millisecond), s (second), m (minute), h (hour), d (day)`,
  );
  return 1;
}

/** `undefined` = not cached. */
export function readCache(group: OptionGroup | undefined): CacheConfig | undefined {
  const ttlSeconds = group?.integer('TtlSeconds') ?? 0;
  if (ttlSeconds < 0) group?.place.error('TtlSeconds', 'must not be negative');
  if (ttlSeconds <= 0) return undefined;
  return {
    ttlMs: ttlSeconds * 1000,
    keyHeader: (group?.string('Header') ?? 'OC-Cache-Control').toLowerCase(),
  };
}

export function readBalancer(group: OptionGroup | undefined): BalancerType {
  const type = group?.string('Type') || 'NoLoadBalancer';
  if (type === 'NoLoadBalancer' || type === 'RoundRobin') return type;
  group?.place.error('Type', `${type} is not supported, there are NoLoadBalancer and RoundRobin`);
  return 'NoLoadBalancer';
}
