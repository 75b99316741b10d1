export { addressOwner } from './address-owner.ts';
export { hostInUrl, withoutMapping } from './host-text.ts';
export { type IpAddress, parseIpAddress } from './ip-address.ts';
