import { parseArgs } from 'node:util';
import { measureRowSecurity } from './identity/row-security.ts';
import { measureSignature, measureVerification } from './identity/verification.ts';
import { createReport } from './report.ts';

/** What a token costs the services that accept it, and the database that rows belong to somebody. */
export async function run(args: readonly string[]): Promise<void> {
  const { values } = parseArgs({
    args: [...args],
    options: {
      rounds: { type: 'string', default: '5' },
      tokens: { type: 'string', default: '5000' },
      rows: { type: 'string', default: '10000' },
      cached: { type: 'string', default: '500000' },
      results: { type: 'string' },
    },
  });
  const report = createReport('identity', new Date());
  const load = { uncached: Number(values.tokens), cached: Number(values.cached) };
  for (let round = 1; round <= Number(values.rounds); round += 1) {
    report.add('verification', { name: 'a service', ours: true }, await measureVerification(load));
    report.add('verification', { name: 'the signature alone', ours: false }, await measureSignature(load));
    const [without, secured] = await measureRowSecurity(Number(values.rows));
    report.add('rows of a user', { name: 'with row security', ours: true }, secured);
    report.add('rows of a user', { name: 'without', ours: false }, without);
  }
  report.print();
  if (values.results) await report.write(values.results);
}
