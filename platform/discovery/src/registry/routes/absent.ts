/** Parts of Consul's API that this registry has not: said so, since a 404 would be taken for "no such thing". */
const ABSENT: readonly string[] = [
  'acl',
  'agent',
  'catalog',
  'config',
  'connect',
  'coordinate',
  'discovery-chain',
  'event',
  'exported-services',
  'health',
  'imported-services',
  'internal',
  'operator',
  'peering',
  'peerings',
  'query',
  'session',
  'snapshot',
  'status',
];

/** Why there is no response, `undefined` when there is no such path in Consul either. */
export function absenceOf(pathname: string): string | undefined {
  const [, version, part = ''] = pathname.split('/');
  if (version !== 'v1' || !ABSENT.includes(part)) return undefined;
  return `${pathname} is a part of Consul's API that this registry does not have`;
}
