export { messagingCrashPoints, rabbitmqCrashPoints } from './crash-points.ts';
export { createMemoryTransport } from './memory-transport.ts';
export { createTestMessage } from './test-message.ts';
