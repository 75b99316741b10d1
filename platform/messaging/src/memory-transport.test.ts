import { createMemoryTransport } from './memory-transport.ts';
import { describeTransport } from './transport.contract.ts';

describeTransport('memory', async () => {
  const transport = createMemoryTransport();
  return { open: () => transport, close: () => transport.close() };
});
