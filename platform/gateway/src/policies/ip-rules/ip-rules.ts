import { parseIpAddress } from '@flotilla/kernel/addresses';
import type { Step } from '../../exchange.ts';
import type { Refusal } from '../../wire/rules/refusal.ts';
import type { IpRulesConfig } from './config.ts';
import { compileIpSet } from './ip-ranges.ts';

const ADDRESS_REFUSED: Refusal = { status: 403, code: 'address-not-allowed' };

/**
 * The block list first, then the allow list if it has entries. An address that cannot be read is refused.
 * Throws `RangeError` on an entry that is no address or range.
 */
export function compileIpRules(config: IpRulesConfig | undefined): Step | undefined {
  if (config === undefined) return undefined;
  const allowed = compileIpSet(config.allowed);
  const blocked = compileIpSet(config.blocked);
  if (allowed.isEmpty && blocked.isEmpty) return undefined;
  const { excludeAllowedFromBlocked } = config;
  return ({ clientAddress }) => {
    const address = parseIpAddress(clientAddress);
    if (address === undefined) return ADDRESS_REFUSED;
    const isAllowed = allowed.has(address);
    if (blocked.has(address) && !(excludeAllowedFromBlocked && isAllowed)) return ADDRESS_REFUSED;
    return allowed.isEmpty || isAllowed ? undefined : ADDRESS_REFUSED;
  };
}
