import { describeTransport } from '../../test/transport.contract.ts';
import { createMemoryTransport } from './memory-transport.ts';

describeTransport('memory', async () => {
  const transport = createMemoryTransport();
  return { open: () => transport, close: () => transport.close() };
});
