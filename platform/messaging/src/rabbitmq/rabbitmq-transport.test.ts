import { createMetrics, silentLogger } from '@flotilla/telemetry';
import { describeTransport } from '../../test/transport.contract.ts';
import { createTestVhost, skipWithoutRabbitmq } from '../testing/rabbitmq.ts';
import type { Transport } from '../transport.ts';
import { createRabbitmqTransport } from './rabbitmq-transport.ts';

describeTransport(
  'rabbitmq',
  async () => {
    const vhost = await createTestVhost();
    const opened: Transport[] = [];
    return {
      open: () => {
        const transport = createRabbitmqTransport({
          url: vhost.url,
          logger: silentLogger,
          metrics: createMetrics(),
        });
        opened.push(transport);
        return transport;
      },
      close: async () => {
        await Promise.all(opened.map((transport) => transport.close()));
        await vhost.close();
      },
    };
  },
  { skip: skipWithoutRabbitmq() },
);
