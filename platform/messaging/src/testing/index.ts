export { createMemoryTransport } from '../memory-transport.ts';
export { createTestMessage } from './test-message.ts';
