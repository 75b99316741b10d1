import type { Outcome, Signal } from '../ingest/answers.ts';
import { createStoreEngine } from '../ingest/store-engine.ts';
import { DEFAULT_CAPS } from '../store/prune.ts';

export interface TestTelemetryStore {
  /** What would be sent as JSON. */
  send(signal: Signal, request: object): Outcome;
  /** Writes who called whom, without waiting for halves that may still come. */
  settle(): void;
  close(): void;
}

/** A store without its process, for tests of what reads it. */
export function createTestStore(file: string): TestTelemetryStore {
  const ahead = { ms: 0 };
  const options = { file, caps: DEFAULT_CAPS, slowMs: 1_000, maxBytes: 20_000_000 };
  const engine = createStoreEngine(options, () => Date.now() + ahead.ms);
  return {
    send: (signal, request) =>
      engine.take({
        signal,
        format: 'json',
        encoding: 'identity',
        body: Buffer.from(JSON.stringify(request)),
      }),
    settle: () => {
      ahead.ms += 60_000;
      engine.tend();
    },
    close: engine.close,
  };
}
