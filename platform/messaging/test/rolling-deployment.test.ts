import { describe } from 'node:test';
import { testRollingDeployment } from './rolling-deployment.contract.ts';
import { createTestSystem } from './system.ts';

describe('a rolling deployment', () => {
  testRollingDeployment(async (test) => {
    const system = await createTestSystem();
    test.after(() => system.close());
    return system;
  });
});
