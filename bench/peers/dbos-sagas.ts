/** DBOS: a workflow of three steps, in the process of its service, on the same PostgreSQL. */
import { DBOS } from '@dbos-inc/dbos-sdk';
import { runProgram } from '../program.ts';
import { sagaCommands, takeStep } from '../saga/load.ts';

async function threeSteps(order: string): Promise<string> {
  for (const name of ['reserve', 'charge', 'ship']) {
    await DBOS.runStep(() => takeStep(name, order), { name });
  }
  return order;
}

await runProgram(async ({ uri }: { readonly uri: string }) => {
  DBOS.setConfig({ name: 'bench', systemDatabaseUrl: uri, logLevel: 'error' });
  const workflow = DBOS.registerWorkflow(threeSteps, { name: 'three-steps' });
  await DBOS.launch();
  let orders = 0;
  return {
    commands: sagaCommands(async () => {
      orders += 1;
      const handle = await DBOS.startWorkflow(workflow)(`order-${orders}`);
      await handle.getResult();
    }),
    close: () => DBOS.shutdown(),
  };
});
