import { isIP } from 'node:net';
import { definePolicy } from '../../grammar/policy.ts';
import type { ConfigObject, SectionShape } from '../../grammar/shape.ts';

/** Who may come in by address; entries as written: `10.0.0.1`, `10.0.0.1-9`, `10.0.0.0/8`, `10.0.0.0/255.0.0.0`, IPv6 too. */
export interface IpRulesConfig {
  readonly allowed: readonly string[];
  readonly blocked: readonly string[];
  readonly excludeAllowedFromBlocked: boolean;
}

const IP_RULES = {
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

export const ipRules = definePolicy({
  keys: { SecurityOptions: { type: 'object', shape: IP_RULES, doc: 'Which addresses may come in.' } },
  read: ({ own, global }) => ({
    ipRules: readIpRules(own?.values.SecurityOptions, global?.values.SecurityOptions),
  }),
});

/** A route with an entry in a list uses its own options entirely, any other the global ones. */
function readIpRules(
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
