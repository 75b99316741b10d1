/** One of several processes that buy the same: `buy-documents.ts URI BUYER COUNT`. It says what it was told, a line an order. */
import { randomUUID } from 'node:crypto';
import { systemClock } from '@flotilla/kernel';
import { silentLogger } from '@flotilla/telemetry';
import { openDocuments } from '../src/documents/open-documents.ts';
import { reserveStock } from '../src/features/reserve-stock.ts';

const [uri = '', buyer = '', count = '0'] = process.argv.slice(2);
const { stock, close } = openDocuments({ uri, clock: systemClock, newId: randomUUID, logger: silentLogger });
let next = 0;

/** Asks again, as a saga does, until somebody says yes or no. */
async function buy(orderId: string): Promise<string> {
  for (;;) {
    try {
      const answer = await reserveStock({ stock, reservationTtlSeconds: 600 }, orderId, [
        { productId: 'p', quantity: 1 },
      ]);
      return answer.ok ? 'yes' : answer.rejection;
    } catch (error) {
      if (!(error instanceof Error && 'retryable' in error && error.retryable === true)) throw error;
    }
  }
}

process.stdout.write('ready\n');
await new Promise((resolve) => process.stdin.once('data', resolve));
await Promise.all(
  Array.from({ length: 6 }, async () => {
    while (next < Number(count)) {
      next += 1;
      const orderId = `${buyer}-${next}`;
      process.stdout.write(`${orderId} ${await buy(orderId)}\n`);
    }
  }),
);
await close();
process.exit();
