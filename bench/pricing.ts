import { parseArgs } from 'node:util';
import { measureEvaluation, startQuotes } from './pricing/quotes.ts';
import { createReport } from './report.ts';

/** What a quote costs the pricing service, and what its promotions add to that. */
export async function run(args: readonly string[]): Promise<void> {
  const { values } = parseArgs({
    args: [...args],
    options: {
      rounds: { type: 'string', default: '5' },
      quotes: { type: 'string', default: '2000' },
      evaluations: { type: 'string', default: '50000' },
      results: { type: 'string' },
    },
  });
  const report = createReport('pricing', new Date());
  const quotes = await startQuotes();
  try {
    for (let round = 1; round <= Number(values.rounds); round += 1) {
      for (const promotions of [1_000, 10]) {
        const contender = { name: `${promotions} promotions`, ours: promotions === 1_000 };
        report.add('evaluation', contender, measureEvaluation(promotions, Number(values.evaluations)));
        report.add('quote', contender, await quotes.measure(promotions, Number(values.quotes)));
      }
    }
  } finally {
    await quotes.close();
  }
  report.print();
  if (values.results) await report.write(values.results);
}
