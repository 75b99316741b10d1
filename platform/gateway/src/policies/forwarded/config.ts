import type { ConfigObject, SectionShape } from '../../grammar/shape.ts';
import { isCidr } from '../ip-rules/config.ts';

/** Of `GlobalConfiguration`. */
export const TRUSTED_PROXIES = {
  TrustedProxies: {
    type: 'strings',
    own: true,
    doc: 'Addresses and CIDRs of proxies whose forwarding headers are believed.',
  },
  ForwardedHeader: {
    type: 'string',
    oneOf: ['X-Forwarded-For', 'Forwarded'],
    default: 'X-Forwarded-For',
    own: true,
    doc: 'Which header the trusted proxies write. Of the other one nothing is believed: most proxies pass on what a client said in it.',
  },
} as const satisfies SectionShape;

export type ForwardedHeader = 'x-forwarded-for' | 'forwarded';

export function readTrustedProxies(
  global: ConfigObject<typeof TRUSTED_PROXIES> | undefined,
): readonly string[] {
  const proxies = global?.values.TrustedProxies ?? [];
  for (const proxy of proxies)
    if (!isCidr(proxy)) global?.error('TrustedProxies', `${proxy} is no address or CIDR`);
  return proxies;
}

export function readForwardedHeader(
  global: ConfigObject<typeof TRUSTED_PROXIES> | undefined,
): ForwardedHeader {
  return global?.values.ForwardedHeader === 'Forwarded' ? 'forwarded' : 'x-forwarded-for';
}
