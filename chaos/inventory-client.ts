import type { GrpcClient } from '@flotilla/grpc';
import type { InventoryService } from '@shop/contracts/gen/inventory';
import { connectInventory as connect } from '../demos/inventory.ts';
import type { RunningSystem } from '../test/system/running-system.ts';

/** The inventory as the order service sees it, to change it. */
export function connectInventory(system: RunningSystem): Promise<GrpcClient<typeof InventoryService>> {
  return connect({ control: { instances: system.ps }, dataDir: system.dataDir }, 'inventory.write');
}
