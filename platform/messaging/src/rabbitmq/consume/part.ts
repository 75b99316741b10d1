import { deadLetterQueue, shardQueue } from '../topology/topology.ts';
import type { Consumption } from './consumption.ts';
import { createSurvivors, type Survivors } from './survivors.ts';

/** What one process has to do with one queue of the broker: that of a shard, or that of what the broker gave up. */
export interface Part {
  readonly source: string;
  readonly isDead: boolean;
  readonly survivors: Survivors;
  live: Consumption | undefined;
  /** Something came through it since the last look. */
  wasHeard: boolean;
  /**
   * `waiting`: another process may be the active one. `active`: something was delivered to us, so we are, until the
   * channel is closed. `leaving`: what runs is finished, then the channel is closed. `closing`: it is.
   */
  state: 'waiting' | 'active' | 'leaving' | 'closing';
}

export function partsOf(queue: string, shards: number): readonly Part[] {
  const part = (source: string, isDead: boolean): Part => ({
    ...{ source, isDead, survivors: createSurvivors() },
    ...{ live: undefined, wasHeard: false, state: 'waiting' },
  });
  const numbers = Array.from({ length: shards }, (_, shard) => shard);
  return [
    ...numbers.map((shard) => part(shardQueue(queue, shard), false)),
    part(deadLetterQueue(queue), true),
  ];
}
