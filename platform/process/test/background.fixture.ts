/** A process that serves nothing: all it does is its background work. What it ends with, its first argument says. */
import { createLogger } from '@flotilla/telemetry';
import { ConfigurationError, runProcess } from '../src/index.ts';

const [, , ending = 'signal'] = process.argv;

await runProcess({
  name: 'heart',
  refusal: 'Unable to beat:',
  readSettings: () => {
    if (ending === 'configuration') throw new ConfigurationError(['PACE is required', 'NAME is required']);
    return {};
  },
  createLogger: () => createLogger({ service: 'heart' }),
  stopLimitMs: () => (ending === 'stuck' ? 200 : undefined),
  start: async ({ logger, every, background, defer }) => {
    defer('goodbye', () => logger.info({}, 'closed'));
    every('beat', 20, async () => logger.info({}, 'beat'));
    if (ending === 'stuck') defer('valve', () => new Promise<void>(() => undefined));
    if (ending === 'fault') background('valve', () => Promise.reject(new Error('the valve is stuck')));
    return { addresses: {} };
  },
});
