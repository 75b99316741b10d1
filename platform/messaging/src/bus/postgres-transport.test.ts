import { createTestDatabase } from '@flotilla/postgres/testing';
import { createMetrics, silentLogger } from '@flotilla/telemetry';
import { describeTransport } from '../../test/transport.contract.ts';
import { busMigrations } from '../migrations.ts';
import type { Transport } from '../transport.ts';
import { createPostgresTransport } from './postgres-transport.ts';

describeTransport('postgres', async () => {
  const bus = await createTestDatabase([busMigrations]);
  const opened: Transport[] = [];
  return {
    open: () => {
      const transport = createPostgresTransport({
        uri: bus.uri,
        logger: silentLogger,
        metrics: createMetrics(),
        leaseMs: 2_000,
        pollIntervalMs: 50,
      });
      opened.push(transport);
      return transport;
    },
    close: async () => {
      await Promise.all(opened.map((transport) => transport.close()));
      await bus.close();
    },
  };
});
