/** A process that does one thing with a session, and dies at a crash point: see crash.test.ts. */
import { armCrashPoint } from '@flotilla/kernel';
import { createDatabase } from '@flotilla/postgres';
import { createReplica, signedIn } from './crash-rig.ts';

const [uri = '', crashAt = '', deed = '', id = ''] = process.argv.slice(2);
const replica = createReplica(createDatabase({ uri, applicationName: 'crashing', acquireTimeoutMs: 30_000 }));
armCrashPoint(crashAt, () => process.kill(process.pid, 'SIGKILL'));

const deeds: Readonly<Record<string, () => Promise<unknown>>> = {
  begin: () => signedIn(replica.sessions),
  renew: () => replica.serve(id),
  end: () => replica.sessions.end(id),
  'end-of': () => replica.sessions.endOf({ issuerSession: 'sid' }),
};
await deeds[deed]?.();
