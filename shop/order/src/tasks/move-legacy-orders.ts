import { createDatabase } from '@flotilla/postgres';
import { readEnvironment, runTask, secret, taskError } from '@flotilla/process';

const WANTED: Readonly<Record<string, string>> = { start: 'moving', close: 'closed', stop: 'off' };

/** Writes what is wanted; the running service does it, and goes on after whatever ended it. */
await runTask({
  service: 'order',
  name: 'move-legacy-orders',
  readConfig: (env) => readEnvironment(env, { DATABASE_URL: secret() }),
  run: async ({ config, args, say, defer }) => {
    const [verb = '', ...rest] = args;
    const wanted = Object.hasOwn(WANTED, verb) ? WANTED[verb] : undefined;
    if ((wanted === undefined && verb !== 'status') || rest.length > 0)
      throw taskError('TASK_USAGE', 'usage: move-legacy-orders start|close|stop|status');
    const uri = config.DATABASE_URL;
    const db = createDatabase({ uri, applicationName: 'move-legacy-orders', maxConnections: 1 });
    defer('database', db.close);
    if (wanted !== undefined) {
      const sql = 'UPDATE legacy_move SET wanted = $1, is_done = false, updated_at = clock_timestamp()';
      await db.query(sql, [wanted]);
    }
    const [state] = await db.query('SELECT wanted, is_done AS "isDone", report FROM legacy_move');
    say(JSON.stringify(state));
  },
});
