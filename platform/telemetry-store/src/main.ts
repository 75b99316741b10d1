import { runProcess } from '@flotilla/process';
import { createLogger, createMetrics } from '@flotilla/telemetry';
import { readConfig } from './config.ts';
import { createIngestServer } from './ingest/ingest-server.ts';
import { startStoreThread } from './ingest/store-thread.ts';

/** Takes telemetry over OTLP/HTTP and keeps it in a file, which readers open by themselves. */
await runProcess({
  name: 'telemetry',
  readSettings: () => readConfig(process.env),
  createLogger: ({ logLevel, instanceId }) =>
    createLogger({ service: 'telemetry', level: logLevel }).child({ instance: instanceId }),
  start: async ({ settings, logger, background, defer }) => {
    const store = await startStoreThread({
      file: settings.file,
      caps: settings.caps,
      slowMs: settings.slowMs,
      maxBytes: settings.maxBytes,
    });
    if (store.setAside !== undefined)
      logger.warn({ file: store.setAside }, 'the file could not be used; another one was begun');
    defer('store', store.close);
    background('store', async (signal) => {
      const stopped = new Promise<void>((resolve) => signal.addEventListener('abort', () => resolve()));
      await Promise.race([stopped, store.died]);
    });
    const { token, maxBytes } = settings;
    const server = createIngestServer({ store, token, metrics: createMetrics(), maxBytes });
    const url = await server.listen(settings.host, settings.port);
    return { addresses: { url }, withdraw: server.close };
  },
});
