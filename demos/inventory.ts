import { readFile } from 'node:fs/promises';
import { type Control, dataDirAt } from '@flotilla/cli';
import { createGrpcClient, type GrpcClient } from '@flotilla/grpc';
import { createMetrics } from '@flotilla/telemetry';
import { InventoryService } from '@shop/contracts/gen/inventory';

/** The inventory as the order service sees it: with that service's own token, at the inventory's own address. */
export async function connectInventory(
  { control, dataDir }: { readonly control: Pick<Control, 'instances'>; readonly dataDir: string },
  scope: string,
): Promise<GrpcClient<typeof InventoryService>> {
  const instances = await control.instances();
  const address = (service: string, kind: 'url' | 'grpc') => {
    const found = instances.find((instance) => instance.service === service)?.[kind];
    if (typeof found !== 'string') throw new Error(`${service} has no ${kind} address`);
    return found;
  };
  const { hostname, port } = new URL(`http://${address('inventory', 'grpc')}`);
  const secrets = JSON.parse(await readFile(dataDirAt(dataDir).secretsFile, 'utf8')) as Record<
    string,
    string
  >;
  const answer = await fetch(`${address('identity', 'url')}/internal/token`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ clientId: 'order', clientSecret: secrets['client order'], scope }),
    signal: AbortSignal.timeout(10_000),
  });
  const { accessToken } = (await answer.json()) as { readonly accessToken: string };
  return createGrpcClient(InventoryService, {
    service: 'inventory',
    pick: async () => ({
      id: 'inventory',
      service: 'inventory',
      host: hostname,
      port: Number(port),
      grpcPort: Number(port),
    }),
    token: async () => accessToken,
    metrics: createMetrics(),
  });
}
