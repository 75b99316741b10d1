import assert from 'node:assert/strict';
import { it } from 'node:test';
import { stripVTControlCharacters } from 'node:util';
import type { Unit, UnitEvent } from '../processes/supervised-process.ts';
import { createProgress } from './progress.ts';

it('what is tried again and again in the same way is told once, until it was ready', () => {
  const lines: string[] = [];
  const screen = { write: (text: string) => lines.push(stripVTControlCharacters(text).trimEnd()) };
  const progress = createProgress(screen, 2);
  const unit = { service: 'order', instance: 'order-1' } as Unit; // all that is shown of it
  const crash = (restartInMs: number): UnitEvent => ({ type: 'crashed', how: 'exit code 75', restartInMs });
  for (const ms of [200, 400, 10_000, 10_000, 10_000]) {
    progress.onEvent(unit, { type: 'starting' });
    progress.onEvent(unit, crash(ms));
  }
  progress.onEvent(unit, { type: 'ready' });
  progress.onEvent(unit, crash(10_000));
  const ended = (seconds: number) => `order-1 ended (exit code 75); it starts again in ${seconds} s`;
  assert.deepEqual(lines, [ended(0.2), ended(0.4), ended(10), 'order-1 is ready', ended(10)]);
});
