import { describeKilledProcesses } from './killed-processes.contract.ts';
import { createTestSystem } from './system.ts';

describeKilledProcesses('PostgreSQL', () => async (test) => {
  const system = await createTestSystem();
  test.after(() => system.close());
  return system;
});
