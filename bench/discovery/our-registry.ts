import { startRegistry } from '@flotilla/discovery/registry';
import { runProgram } from '../program.ts';

/** The embedded registry in a process of its own. */
await runProgram(async () => {
  const registry = await startRegistry({ port: 0 });
  return { commands: { url: async () => registry.url }, close: registry.close };
});
