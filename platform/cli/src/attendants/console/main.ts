import { userInfo } from 'node:os';
import { join } from 'node:path';
import { CONSOLE_PAGES, createConsoleServer, createTickets, openAuditFile } from '@flotilla/console';
import { optional, port, readEnvironment, runProcess, secret, text } from '@flotilla/process';
import { createLogger } from '@flotilla/telemetry';
import { dataDirAt } from '../../data-dir/data-dir.ts';
import { loadSystem } from '../../load-system.ts';
import { connectConsole } from './connect-console.ts';

const SETTINGS = {
  INSTANCE_ID: text({ default: 'console-1' }),
  PORT: port({ default: 0 }),
  DATA_DIR: text(),
  CONSOLE_SECRET: secret({ minLength: 32 }),
  CONSOLE_OPERATOR: optional(text()),
};

/** The console of a running system: a process beside the services, which reaches it as the command line does. */
await runProcess({
  name: 'console',
  readSettings: () => readEnvironment(process.env, SETTINGS),
  createLogger: ({ INSTANCE_ID: instance }) => createLogger({ service: 'console' }).child({ instance }),
  start: async ({ settings, logger, defer }) => {
    const root = process.cwd();
    const dataDir = dataDirAt(settings.DATA_DIR);
    const operator = settings.CONSOLE_OPERATOR ?? userInfo().username;
    const audit = openAuditFile(join(dataDir.path, 'audit.jsonl'));
    const { close, ...deps } = connectConsole({
      root,
      dataDir,
      system: await loadSystem(root),
      operator,
      audit,
    });
    defer('databases and telemetry', close);
    const server = createConsoleServer({
      deps,
      tickets: createTickets(settings.CONSOLE_SECRET),
      pages: CONSOLE_PAGES,
      onError: (err, path) => logger.warn({ err, path }, 'a question could not be answered'),
    });
    const url = await server.listen(settings.PORT);
    return { addresses: { url }, withdraw: server.close };
  },
});
