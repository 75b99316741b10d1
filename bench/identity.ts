import { parseArgs } from 'node:util';
import { measureIssuing, measurePeer } from './identity/issuing.ts';
import { measureRowSecurity } from './identity/row-security.ts';
import { measureSignature, measureVerification } from './identity/verification.ts';
import { createReport } from './report.ts';

/** What tokens cost identity, that gives them, and the services that accept them, and the database that rows belong to somebody. */
export async function run(args: readonly string[]): Promise<void> {
  const { values } = parseArgs({
    args: [...args],
    options: {
      rounds: { type: 'string', default: '5' },
      tokens: { type: 'string', default: '5000' },
      rows: { type: 'string', default: '10000' },
      cached: { type: 'string', default: '500000' },
      seconds: { type: 'string', default: '4' },
      clients: { type: 'string', default: '8' },
      results: { type: 'string' },
    },
  });
  const report = createReport('identity', new Date());
  const load = { uncached: Number(values.tokens), cached: Number(values.cached) };
  for (let round = 1; round <= Number(values.rounds); round += 1) {
    report.add('verification', { name: 'a service', ours: true }, await measureVerification(load));
    report.add('verification', { name: 'the signature alone', ours: false }, await measureSignature(load));
    const issuing = { seconds: Number(values.seconds), clients: Number(values.clients) };
    const [credentials = {}, refreshes = {}, logins = {}] = await measureIssuing(issuing);
    const [peerCredentials = {}, peerRefreshes = {}] = await measurePeer(issuing);
    const [identity, library] = [
      { name: 'identity, on PostgreSQL', ours: true },
      { name: 'oidc-provider, in memory', ours: false },
    ];
    report.add('client credentials', identity, credentials);
    report.add('client credentials', library, peerCredentials);
    report.add('refreshes', identity, refreshes);
    report.add('refreshes', library, peerRefreshes);
    report.add('logins', identity, logins);
    const [without, secured] = await measureRowSecurity(Number(values.rows));
    report.add('rows of a user', { name: 'with row security', ours: true }, secured);
    report.add('rows of a user', { name: 'without', ours: false }, without);
  }
  report.print();
  if (values.results) await report.write(values.results);
}
