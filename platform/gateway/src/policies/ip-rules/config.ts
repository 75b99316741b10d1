import { isIP } from 'node:net';
import { type Group, ROUTE_KEYS } from '../../grammar/group.ts';
import type { ConfigObject, SectionShape } from '../../grammar/shape.ts';
import type { PolicyConfig } from '../../model.ts';
import type { CorsConfig, IpRulesConfig } from '../authentication/options.ts';

export const IP_RULES = {
  IPAllowedList: {
    type: 'strings',
    doc: 'Addresses, ranges (`a-b`, `10.0.0.1-9`), `address/mask`, CIDR; empty = all that are not blocked.',
  },
  IPBlockedList: { type: 'strings', doc: 'Written like `IPAllowedList`; blocked are answered 403.' },
  ExcludeAllowedFromBlocked: {
    type: 'boolean',
    default: false,
    doc: 'Takes the allowed addresses off the block list.',
  },
} as const satisfies SectionShape;

type IpRulesObject = ConfigObject<typeof IP_RULES>;

/** A route with an entry in a list uses its own options entirely, any other the global ones. */
export function readIpRules(
  route: IpRulesObject | undefined,
  global: IpRulesObject | undefined,
): IpRulesConfig | undefined {
  const object = [route, global].find((candidate) => candidate !== undefined && hasEntries(candidate));
  if (object === undefined) return undefined;
  return {
    allowed: readRanges(object, 'IPAllowedList'),
    blocked: readRanges(object, 'IPBlockedList'),
    excludeAllowedFromBlocked: object.values.ExcludeAllowedFromBlocked ?? false,
  };
}

function hasEntries(object: IpRulesObject): boolean {
  return (object.values.IPAllowedList?.length ?? 0) + (object.values.IPBlockedList?.length ?? 0) > 0;
}

function readRanges(object: IpRulesObject, key: 'IPAllowedList' | 'IPBlockedList'): readonly string[] {
  const entries = object.values[key] ?? [];
  for (const entry of entries)
    if (!isRange(entry)) object.error(key, `${entry} is no address, range, address/mask or CIDR`);
  return entries;
}

function isRange(entry: string): boolean {
  const [from = '', to] = entry.split('-');
  if (to !== undefined) return isIP(from.trim()) !== 0 && (isIP(to.trim()) !== 0 || isLastByte(to.trim()));
  const [address = '', mask] = entry.split('/');
  if (mask === undefined) return isIP(address.trim()) !== 0;
  return isCidr(entry) || (isIP(address) === 4 && isIP(mask) === 4);
}

function isLastByte(text: string): boolean {
  return /^\d{1,3}$/.test(text) && Number(text) <= 255;
}

/** `10.0.0.0/8`, `fd00::/8`; a single address too. */
export function isCidr(text: string): boolean {
  const [address = '', bits, ...more] = text.split('/');
  const family = isIP(address);
  if (family === 0 || more.length > 0) return false;
  return bits === undefined || (/^\d{1,3}$/.test(bits) && Number(bits) <= (family === 4 ? 32 : 128));
}

export const CORS = {
  AllowedOrigins: { type: 'strings', own: true, doc: 'Origins as browsers send them, or `*`.' },
  AllowedMethods: { type: 'strings', own: true, doc: "Default: the route's methods; `*` = all." },
  AllowedHeaders: { type: 'strings', own: true, doc: 'Request headers that scripts may set; `*` = all.' },
  ExposedHeaders: { type: 'strings', own: true, doc: 'Answer headers that scripts may read.' },
  AllowCredentials: { type: 'boolean', default: false, own: true, doc: 'Not together with the origin `*`.' },
  MaxAge: { type: 'integer', minimum: 0, default: 0, own: true, doc: 'How long a preflight is good for, s.' },
  ...ROUTE_KEYS,
} as const satisfies SectionShape;

/** `undefined` = the gateway does nothing about CORS. */
export function readCors(
  group: Group<typeof CORS> | undefined,
  routeMethods: readonly string[],
): CorsConfig | undefined {
  const allowedOrigins = group?.values.AllowedOrigins ?? [];
  if (group === undefined || allowedOrigins.length === 0) return undefined;
  const allowCredentials = group.values.AllowCredentials ?? false;
  for (const origin of allowedOrigins) checkOrigin(group, origin);
  // Any site could then act with the user's cookies.
  if (allowCredentials && allowedOrigins.includes('*'))
    group.error('AllowCredentials', 'is not possible with the origin *');
  return {
    allowedOrigins,
    allowedMethods: (group.values.AllowedMethods ?? routeMethods).map((method) => method.toUpperCase()),
    allowedHeaders: group.values.AllowedHeaders ?? [],
    exposedHeaders: group.values.ExposedHeaders ?? [],
    allowCredentials,
    maxAgeSeconds: group.values.MaxAge ?? 0,
  };
}

function checkOrigin(group: Group<typeof CORS>, origin: string): void {
  if (origin !== '*' && !isOrigin(origin))
    group.error('AllowedOrigins', `${origin} is no origin such as https://shop.example`);
}

function isOrigin(text: string): boolean {
  return URL.parse(text)?.origin === text;
}

export const WEB_SOCKET = {
  AllowedOrigins: {
    type: 'strings',
    own: true,
    doc: "Origins beside the gateway's own that may open WebSockets.",
  },
  IdleTimeout: {
    type: 'integer',
    minimum: 0,
    default: 600,
    own: true,
    doc: 'Without a byte from either side for so long, both are closed, s; 0 = no limit.',
  },
  ...ROUTE_KEYS,
} as const satisfies SectionShape;

export function readWebSocket(
  group: Group<typeof WEB_SOCKET> | undefined,
): Pick<PolicyConfig, 'webSocketOrigins' | 'webSocketIdleMs'> {
  const origins = group?.values.AllowedOrigins ?? [];
  for (const origin of origins)
    if (!isOrigin(origin))
      group?.error('AllowedOrigins', `${origin} is no origin such as https://shop.example`);
  const idleSeconds = group?.values.IdleTimeout ?? 600;
  return {
    webSocketOrigins: origins,
    webSocketIdleMs: idleSeconds === 0 ? Number.POSITIVE_INFINITY : idleSeconds * 1000,
  };
}
