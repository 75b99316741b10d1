export { createMemoryTransport } from './memory-transport.ts';
