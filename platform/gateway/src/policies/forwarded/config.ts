import type { ConfigObject, SectionShape } from '../../grammar/shape.ts';
import { isCidr } from '../ip-rules/config.ts';

/** Of `GlobalConfiguration`. */
export const TRUSTED_PROXIES = {
  TrustedProxies: {
    type: 'strings',
    own: true,
    doc: 'Addresses and CIDRs of proxies whose forwarding headers are believed.',
  },
} as const satisfies SectionShape;

export function readTrustedProxies(
  global: ConfigObject<typeof TRUSTED_PROXIES> | undefined,
): readonly string[] {
  const proxies = global?.values.TrustedProxies ?? [];
  for (const proxy of proxies)
    if (!isCidr(proxy)) global?.error('TrustedProxies', `${proxy} is no address or CIDR`);
  return proxies;
}
