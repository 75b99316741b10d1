import { DATABASES } from './invariant.ts';
import { checkInvariants, type Finding, type SystemUnderCheck } from './invariants.ts';

/** The databases of a running system, asked for by the names of its services. */
export async function databasesOf(uriOf: (service: string) => Promise<string>): Promise<SystemUnderCheck> {
  const uris = Object.entries(DATABASES).map(async ([name, service]) => [name, await uriOf(service)]);
  // Every key of DATABASES is there, so this is a whole system.
  return Object.fromEntries(await Promise.all(uris)) as SystemUnderCheck;
}

/** Checks a running system, with the inventory's documents where `INVENTORY_MONGODB_URL` says that it has some. */
export async function checkLive(
  uriOf: (service: string) => Promise<string>,
  moment: 'always' | 'at-rest',
): Promise<readonly Finding[]> {
  const inventoryDocuments = process.env['INVENTORY_MONGODB_URL'];
  return await checkInvariants({ ...(await databasesOf(uriOf)), inventoryDocuments, moment });
}
